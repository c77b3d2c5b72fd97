#include "net/pipe.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "event/simulated_loop.h"
#include "tests/support/raw_peer.h"

namespace ringside::net {
namespace {

using ringside::testing::RawPeer;

TEST(PipeTest, BytesBothWaysWhateverTheSizes) {
  std::mt19937_64 random(1);
  for (size_t capacity : {1, 2, 1000}) {
    for (size_t per_call : {1, 3, 1000}) {
      event::SimulatedLoop loop;
      auto [a_end, b_end] = make_pipe(loop, {.capacity = capacity, .max_bytes_per_call = per_call});
      RawPeer a(std::move(a_end)), b(std::move(b_end));
      std::string up(random() % 3000, 'u'), down(random() % 3000, 'd');
      a.send(up);
      b.send(down);
      loop.run_ready();
      EXPECT_EQ(b.take(), up);
      EXPECT_EQ(a.take(), down);
    }
  }
}

TEST(PipeTest, FullPipeBlocksUntilItIsRead) {
  event::SimulatedLoop loop;
  auto [a, b] = make_pipe(loop, {.capacity = 3});
  EXPECT_EQ(a->write("hello").n, 3u);
  EXPECT_EQ(a->write("lo").status, IoStatus::kWouldBlock);
  int writable = 0;
  a->set_ready_callback([&, end = a.get()](bool, bool w) {
    writable += w;
    end->want(false, false);
  });
  a->want(false, true);
  loop.run_ready();
  EXPECT_EQ(writable, 0);
  std::array<char, 10> buffer;
  EXPECT_EQ(b->read(buffer).n, 3u);
  loop.run_ready();
  EXPECT_EQ(writable, 1);
}

TEST(PipeTest, EndAfterTheBytesAndTheOtherDirectionStaysOpen) {
  event::SimulatedLoop loop;
  auto [a_end, b_end] = make_pipe(loop);
  RawPeer a(std::move(a_end)), b(std::move(b_end));
  a.send("bye");
  a.end();
  loop.run_ready();
  EXPECT_EQ(b.take(), "bye");
  EXPECT_TRUE(b.saw_end());
  b.send("ok");
  loop.run_ready();
  EXPECT_EQ(a.take(), "ok");
}

TEST(PipeTest, DestroyedEndIsAnEndAndWritesFail) {
  event::SimulatedLoop loop;
  auto [a, b] = make_pipe(loop);
  a->write("last words");
  a.reset();
  std::array<char, 100> buffer;
  EXPECT_EQ(b->read(buffer).n, 10u);
  EXPECT_EQ(b->read(buffer).status, IoStatus::kEnd);
  EXPECT_EQ(b->write("x").status, IoStatus::kError);
  EXPECT_EQ(b->error().kind, ErrorKind::kDisconnected);
}

TEST(PipeTest, CallbackRunsFromTheLoopAndMayDestroyEitherEnd) {
  for (bool own : {false, true}) {
    event::SimulatedLoop loop;
    auto [a, b] = make_pipe(loop);
    bool called = false;
    b->set_ready_callback([&, &mine = own ? b : a](bool, bool) {
      called = true;
      if (b) b->want(false, false);
      mine.reset();
    });
    b->want(true, true);
    EXPECT_FALSE(called);
    a->write("x");
    EXPECT_FALSE(called);
    loop.run_ready();
    EXPECT_TRUE(called);
  }
}

}  // namespace
}  // namespace ringside::net
