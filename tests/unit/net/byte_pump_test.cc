#include "net/byte_pump.h"

#include <gtest/gtest.h>

#include <functional>

#include "event/simulated_loop.h"
#include "net/pipe.h"
#include "tests/support/cut_stream.h"
#include "tests/support/raw_peer.h"

namespace ringside::net {
namespace {

using ringside::testing::CutStream;
using ringside::testing::RawPeer;
using std::chrono::seconds;

struct User : BytePumpUser {
  void on_bytes(std::string_view bytes) override {
    received.append(bytes);
    hook("bytes");
  }
  void on_peer_end() override {
    ended = true;
    hook("end");
  }
  void on_bytes_sent(size_t bytes) override {
    sent += bytes;
    hook("sent");
  }
  void on_done(std::optional<Error> reason) override {
    ++done;
    error = std::move(reason);
    hook("done");
  }

  std::string received;
  bool ended = false;
  size_t sent = 0;
  int done = 0;
  std::optional<Error> error;
  std::function<void(const std::string& call)> hook = [](const std::string&) {};
};

struct World {
  explicit World(PipeOptions pipe = {}, BytePump::Options options = {}, BytePump::Leftovers leftovers = {},
                 size_t cut_after = SIZE_MAX) {
    auto [here, there] = make_pipe(loop, pipe);
    peer = std::make_unique<RawPeer>(std::move(there));
    pump = std::make_unique<BytePump>(loop, std::make_unique<CutStream>(std::move(here), cut_after), user, options,
                                      std::move(leftovers));
  }

  event::SimulatedLoop loop;
  User user;
  std::unique_ptr<RawPeer> peer;
  std::unique_ptr<BytePump> pump;
};

TEST(BytePump, CarriesBytesAndBothEndsThroughPipesOfEverySize) {
  for (size_t capacity : {size_t(1), size_t(100), size_t(1) << 16}) {
    for (size_t per_call : {size_t(1), size_t(1) << 20}) {
      World world({.capacity = capacity, .max_bytes_per_call = per_call});
      std::string text(1000, 'x');
      world.pump->send(text);
      world.peer->send("hello");
      world.loop.run_ready();
      EXPECT_EQ(world.peer->take(), text);
      EXPECT_EQ(world.user.sent, 1000u);
      EXPECT_EQ(world.pump->unsent(), 0u);
      EXPECT_EQ(world.user.received, "hello");
      world.pump->send("bye");
      world.pump->end();
      world.pump->send("nothing follows an end");
      world.loop.run_ready();
      EXPECT_EQ(world.peer->take(), "bye");
      EXPECT_TRUE(world.peer->saw_end());
      EXPECT_EQ(world.user.done, 0);
      world.peer->send("still here");
      world.peer->end();
      world.loop.run_ready();
      EXPECT_EQ(world.user.received, "hellostill here");
      EXPECT_TRUE(world.user.ended);
      EXPECT_EQ(world.user.done, 1);
      EXPECT_FALSE(world.user.error);
    }
  }
}

TEST(BytePump, SendsAfterThePeersEnd) {
  World world;
  world.peer->end();
  world.loop.run_ready();
  EXPECT_TRUE(world.user.ended);
  world.pump->send("late");
  world.loop.run_ready();
  EXPECT_EQ(world.peer->take(), "late");
  EXPECT_EQ(world.user.done, 0);
  world.pump->end();
  world.loop.run_ready();
  EXPECT_EQ(world.user.done, 1);
}

TEST(BytePump, DeliversAndWritesWhatWasLeftOverFirst) {
  World world({.capacity = 4}, {}, {.received = "first ", .unsent = "head "});
  world.pump->send("body");
  EXPECT_EQ(world.pump->unsent(), 4u);
  world.peer->send("second");
  world.loop.run_ready();
  EXPECT_EQ(world.user.received, "first second");
  EXPECT_EQ(world.peer->take(), "head body");
  EXPECT_EQ(world.user.sent, 4u);  // the head was not given to send()
}

TEST(BytePump, ReadsNoMoreThanItsWindowWithoutCredit) {
  World world({.capacity = 10}, {.window = 100});
  world.peer->send(std::string(1000, 'x'));
  world.loop.run_ready();
  EXPECT_EQ(world.user.received.size(), 100u);
  world.pump->credit(30);
  world.loop.run_ready();
  EXPECT_EQ(world.user.received.size(), 130u);
  world.pump->credit(1 << 20);  // more than there is
  world.loop.run_ready();
  EXPECT_EQ(world.user.received.size(), 230u);
}

TEST(BytePump, CountsWhatThePeerDoesNotTake) {
  World world({.capacity = 10});
  world.peer->set_reading(false);
  world.pump->send(std::string(100, 'x'));
  world.loop.run_ready();
  EXPECT_EQ(world.user.sent, 10u);
  EXPECT_EQ(world.pump->unsent(), 90u);
  world.peer->set_reading(true);
  world.loop.run_ready();
  EXPECT_EQ(world.user.sent, 100u);
}

TEST(BytePump, TellsACutFromAnEnd) {
  World reading({}, {}, {}, 3);
  reading.peer->send("hello");
  reading.loop.run_ready();
  EXPECT_EQ(reading.user.received, "hel");
  EXPECT_FALSE(reading.user.ended);
  EXPECT_EQ(reading.user.done, 1);
  ASSERT_TRUE(reading.user.error);
  EXPECT_EQ(reading.user.error->kind, ErrorKind::kDisconnected);

  World writing({}, {}, {}, 3);
  writing.pump->send("hello");
  writing.loop.run_ready();
  EXPECT_EQ(writing.user.done, 1);
  EXPECT_TRUE(writing.user.error);
  writing.pump->send("more");  // nothing happens
  writing.pump->end();
  writing.loop.run_ready();
  EXPECT_EQ(writing.user.done, 1);
}

TEST(BytePump, ReadsTheLastWordsOfAPeerThatDoesNotListen) {
  World world({.capacity = 1000}, {.window = 100, .reads_last_words = true});
  world.peer->send(std::string(1000, 'x'));
  world.loop.run_ready();
  world.peer->close();
  world.pump->send("are you there?");
  world.loop.run_ready();
  EXPECT_EQ(world.user.received.size(), 100u);
  world.pump->send("hello?");
  world.loop.run_ready();
  EXPECT_EQ(world.user.sent, 20u);  // nobody is held back by what nobody takes
  EXPECT_EQ(world.user.done, 0);
  world.user.hook = [&](const std::string& call) {
    if (call == "bytes") world.pump->credit(100);
  };
  world.pump->credit(100);
  world.loop.run_ready();
  EXPECT_EQ(world.user.received.size(), 1000u);
  EXPECT_TRUE(world.user.ended);
  EXPECT_EQ(world.user.done, 1);
  EXPECT_TRUE(world.user.error);
}

TEST(BytePump, APeerThatDoesNotListenIsGone) {
  World world({.capacity = 1000}, {.window = 100});
  world.peer->send(std::string(1000, 'x'));
  world.loop.run_ready();
  world.peer->close();
  world.pump->send("are you there?");
  world.loop.run_ready();
  EXPECT_EQ(world.user.done, 1);
  EXPECT_TRUE(world.user.error);
}

TEST(BytePump, WhatFollowsThePeersEndMayFail) {
  World world({}, {.reads_last_words = true});
  world.peer->close();
  world.loop.run_ready();
  EXPECT_TRUE(world.user.ended);
  world.pump->send("hello?");
  world.loop.run_ready();
  EXPECT_EQ(world.user.done, 1);
  EXPECT_TRUE(world.user.error);
}

TEST(BytePump, GivesUpAHalfClosedPeerThatIsSilent) {
  World world({}, {.half_closed_timeout = seconds(10)});
  world.loop.advance(seconds(100));
  EXPECT_EQ(world.user.done, 0);  // open on both sides: silence is no reason
  world.pump->end();
  world.loop.run_ready();
  world.loop.advance(seconds(9));
  world.peer->send("x");
  world.loop.run_ready();
  world.loop.advance(seconds(9));
  EXPECT_EQ(world.user.done, 0);
  world.loop.advance(seconds(1));
  EXPECT_EQ(world.user.done, 1);
  ASSERT_TRUE(world.user.error);
  EXPECT_EQ(world.user.error->kind, ErrorKind::kTimedOut);
}

TEST(BytePump, MayBeDestroyedInEveryCall) {
  for (std::string_view where : {"bytes", "end", "sent", "done"}) {
    World world({.max_bytes_per_call = 1});
    world.user.hook = [&](const std::string& call) {
      if (call == where) world.pump.reset();
    };
    world.peer->send("hello");
    world.peer->end();
    world.pump->send("hello");
    world.pump->end();
    world.loop.run_ready();
    EXPECT_FALSE(world.pump) << where;
    EXPECT_TRUE(world.peer->saw_end()) << where;
  }
}

}  // namespace
}  // namespace ringside::net
