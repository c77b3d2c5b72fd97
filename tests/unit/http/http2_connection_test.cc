#include "http/http2_connection.h"

#include <gtest/gtest.h>

#include "event/simulated_loop.h"
#include "net/pipe.h"
#include "tests/support/raw_peer.h"
#include "tests/support/recording_handler.h"

namespace ringside::http {
namespace {

using ringside::testing::RawPeer;
using ringside::testing::Record;
using ringside::testing::recording_acceptor;
using ringside::testing::RecordingHandler;
using std::chrono::seconds;
using namespace std::chrono_literals;

// A client's and a server's connection, at the ends of one pipe.
struct World {
  explicit World(
      net::PipeOptions pipe = {}, Http2Connection::Options client_options = {},
      std::function<void(Record&)> on_request = [](Record&) {}, Http2Connection::Options server_options = {}) {
    auto [here, there] = net::make_pipe(loop, pipe);
    client_options.session.role = Http2Session::Role::kClient;
    client = std::make_unique<Http2Connection>(loop, std::move(here), client_options, nullptr, nullptr, [this] {
      ++client_closed;
      client.reset();
    });
    server = std::make_unique<Http2Connection>(loop, std::move(there), server_options,
                                               recording_acceptor(requests, std::move(on_request)), nullptr, [this] {
                                                 ++server_closed;
                                                 server.reset();
                                               });
  }
  std::shared_ptr<Record> start(RequestHead head, bool end) {
    auto record = std::make_shared<Record>();
    handlers.push_back(std::make_unique<RecordingHandler>(record));
    record->stream = client->session().start(head, end, *handlers.back());
    return record;
  }

  event::SimulatedLoop loop;
  std::vector<std::shared_ptr<Record>> requests;
  std::vector<std::unique_ptr<RecordingHandler>> handlers;
  int client_closed = 0, server_closed = 0;
  std::unique_ptr<Http2Connection> client, server;
};

RequestHead post() {
  return {.method = "POST", .authority = "a", .path = "/", .headers = {}};
}

TEST(Http2ConnectionTest, PeerThatDoesNotReadHoldsTheWriterBack) {
  event::SimulatedLoop loop;
  auto [here, there] = net::make_pipe(loop, {.capacity = 1000});
  Http2Connection::Options options;
  options.session.role = Http2Session::Role::kClient;
  bool closed = false;
  Http2Connection connection(loop, std::move(here), options, nullptr, nullptr, [&] { closed = true; });
  auto record = std::make_shared<Record>();
  RecordingHandler handler(record);
  record->stream = connection.session().start(post(), false, handler);
  record->stream->send_body(std::string(1 << 20, 'x'));
  loop.run_ready();  // ends: nothing spins
  // One round of output is on its way, no more (and nothing beyond the peer's initial window of 64 KiB).
  EXPECT_LE(record->sent, 80u << 10);
  EXPECT_GE(record->stream->unsent(), (1u << 20) - (80u << 10));
  there.reset();
  loop.run_ready();
  EXPECT_TRUE(closed);
}

TEST(Http2ConnectionTest, DrainClosesWhenTheLastStreamHasEnded) {
  World world;
  auto request = world.start(post(), false);
  world.loop.run_ready();
  world.server->drain();
  world.loop.run_ready();
  EXPECT_EQ(world.server_closed + world.client_closed, 0);
  EXPECT_TRUE(world.client->session().draining());
  world.requests[0]->stream->send_response({200, {}}, false);
  world.requests[0]->stream->send_body(std::string(300'000, 'x'));
  world.requests[0]->stream->send_end();
  request->stream->send_end();
  world.loop.run_ready();
  EXPECT_EQ(request->body.size(), 300'000u);
  EXPECT_TRUE(request->ended);
  EXPECT_FALSE(request->closed);
  EXPECT_EQ(world.server_closed, 1);
  EXPECT_EQ(world.client_closed, 1);
}

TEST(Http2ConnectionTest, DrainOfIdleConnectionsByEitherSide) {
  for (bool by_server : {false, true}) {
    World world;
    world.loop.run_ready();
    (by_server ? world.server : world.client)->drain();
    world.loop.run_ready();
    EXPECT_EQ(world.server_closed, 1);
    EXPECT_EQ(world.client_closed, 1);
  }
}

TEST(Http2ConnectionTest, PingKeepsALivingConnectionAndFindsADeadOne) {
  Http2Connection::Options options;
  options.ping_interval = seconds(30);
  World world({}, options);
  auto request = world.start(post(), false);
  world.loop.advance(std::chrono::hours(1));
  EXPECT_FALSE(request->closed);

  event::SimulatedLoop loop;
  auto [here, there] = net::make_pipe(loop);
  options.session.role = Http2Session::Role::kClient;
  int closed = 0;
  Http2Connection connection(loop, std::move(here), options, nullptr, nullptr, [&] { ++closed; });
  auto record = std::make_shared<Record>();
  RecordingHandler handler(record);
  record->stream = connection.session().start(post(), false, handler);
  loop.advance(seconds(44));
  EXPECT_FALSE(closed);
  loop.advance(seconds(1));
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(record->closed->kind, ErrorKind::kDisconnected);
  EXPECT_NE(record->closed->message.find("PING"), std::string::npos);
}

// A server's connection that asks its client for signs of life after 4 s, and gives it 6 s to answer.
struct AskingServer {
  explicit AskingServer(net::PipeOptions pipe = {}) {
    auto [here, there] = net::make_pipe(loop, pipe);
    client.emplace(std::move(there));
    client->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9));  // SETTINGS
    Http2Connection::Options options;
    options.ping_interval = seconds(4);
    options.ping_timeout = seconds(6);
    server = std::make_unique<Http2Connection>(loop, std::move(here), options, recording_acceptor(requests), nullptr,
                                               [this] {
                                                 closed_at = loop.now();
                                                 unanswered = !server->hangs().empty();
                                                 server.reset();
                                               });
    loop.run_ready();
  }
  bool was_asked() { return client->take().find(std::string("\0\0\x08\6\0", 5)) != std::string::npos; }
  void answer() {
    client->send(std::string("\0\0\x08\6\1\0\0\0\0", 9) + std::string(8, '\0'));
    loop.run_ready();
  }

  event::SimulatedLoop loop;
  std::vector<std::shared_ptr<Record>> requests;
  std::optional<RawPeer> client;
  std::optional<TimePoint> closed_at;
  bool unanswered = false;
  std::unique_ptr<Http2Connection> server;
};

TEST(Http2ConnectionTest, AServerGivesUpAClientThatDoesNotAnswer) {
  AskingServer world;
  TimePoint start = world.loop.now();
  world.loop.advance(seconds(4) - 1ns);
  EXPECT_FALSE(world.was_asked());
  world.loop.advance(1ns);
  EXPECT_TRUE(world.was_asked());
  world.loop.advance(seconds(1));
  EXPECT_FALSE(world.was_asked()) << "once";
  world.loop.advance(std::chrono::hours(1));
  ASSERT_TRUE(world.closed_at);
  EXPECT_EQ(*world.closed_at - start, seconds(10));
  EXPECT_TRUE(world.unanswered);
  EXPECT_TRUE(world.client->saw_end());
}

TEST(Http2ConnectionTest, TheTimeAfterAnAnswerBeginsAnew) {
  AskingServer world;
  world.loop.advance(seconds(9));
  ASSERT_TRUE(world.was_asked());
  world.answer();
  TimePoint last = world.loop.now();
  world.loop.advance(seconds(4));
  EXPECT_TRUE(world.was_asked()) << "no later than after any other silence";
  world.loop.advance(seconds(6));
  ASSERT_TRUE(world.closed_at);
  EXPECT_EQ(*world.closed_at - last, seconds(10));
}

TEST(Http2ConnectionTest, ABusyClientIsNotAsked) {
  AskingServer world;
  for (int i = 0; i < 100; ++i) {
    world.loop.advance(seconds(3));
    world.client->send(std::string("\0\0\4\x08\0\0\0\0\0\0\0\0\1", 13));  // WINDOW_UPDATE
    EXPECT_FALSE(world.was_asked());
  }
  EXPECT_FALSE(world.closed_at);
}

TEST(Http2ConnectionTest, APartOfAFrameIsAnAnswer) {
  AskingServer world;
  for (int i = 0; i < 8; ++i) {
    world.loop.advance(seconds(9));
    EXPECT_TRUE(world.was_asked());
    world.client->send(std::string(1, '\0'));  // of a frame's head
  }
  EXPECT_FALSE(world.closed_at);
}

TEST(Http2ConnectionTest, WhoWasStoppedItselfDoesNotJudgeByThatTime) {
  AskingServer world;
  world.loop.advance(seconds(4));
  ASSERT_TRUE(world.was_asked());
  world.loop.stall(std::chrono::hours(1));  // the whole pod was frozen, just after the PING
  world.loop.run_ready();
  world.loop.advance(seconds(4));
  EXPECT_FALSE(world.closed_at);
  world.answer();
  world.loop.stall(std::chrono::hours(1));  // and in the silence before one
  world.loop.run_ready();
  EXPECT_TRUE(world.was_asked());
  world.loop.advance(seconds(6) - 1ns);
  EXPECT_FALSE(world.closed_at);
  world.loop.advance(1ns);
  EXPECT_TRUE(world.closed_at);
}

TEST(Http2ConnectionTest, AClientThatReadsNothingIsGivenUpWithOutputInTheWay) {
  AskingServer world({.capacity = 1000});
  world.client->set_reading(false);
  world.client->send(std::string("\0\0\6\1\4\0\0\0\1\x83\x87\x84\x41\1a", 15));  // a POST's HEADERS
  world.loop.run_ready();
  ASSERT_EQ(world.requests.size(), 1u);
  world.requests[0]->stream->send_response({200, {}}, false);
  world.requests[0]->stream->send_body(std::string(60'000, 'x'));
  world.loop.advance(seconds(10));
  EXPECT_TRUE(world.unanswered);
}

TEST(Http2ConnectionTest, AClientThatDoesNotReadAStreamAndAnswersGoesOn) {
  Http2Connection::Options options;
  options.ping_interval = seconds(4);
  options.ping_timeout = seconds(6);
  World world(
      {}, {},
      [](Record& request) {
        request.stream->send_response({200, {}}, false);
        request.stream->send_body(std::string(1 << 20, 'x'));
      },
      options);
  auto watch = world.start(post(), false);
  watch->credits = false;
  world.loop.advance(std::chrono::hours(1));
  EXPECT_FALSE(watch->closed);
  EXPECT_GT(world.requests[0]->stream->unsent(), 0u);
}

TEST(Http2ConnectionTest, GarbageClosesTheConnection) {
  event::SimulatedLoop loop;
  auto [here, there] = net::make_pipe(loop);
  RawPeer peer(std::move(there));
  std::vector<std::shared_ptr<Record>> requests;
  std::unique_ptr<Http2Connection> connection;
  connection = std::make_unique<Http2Connection>(loop, std::move(here), Http2Connection::Options{},
                                                 recording_acceptor(requests), nullptr, [&] { connection.reset(); });
  peer.send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  loop.run_ready();
  EXPECT_FALSE(connection);
  EXPECT_TRUE(peer.saw_end());
}

TEST(Http2ConnectionTest, DestroyedBetweenTheLossAndItsReport) {
  World world;
  auto request = world.start(post(), false);
  world.loop.run_ready();
  // The client is destroyed in the phase in which it notices that the server is gone.
  auto end = world.loop.turn_end([&] { world.client.reset(); });
  world.server.reset();
  end->schedule();
  world.loop.run_ready();
  EXPECT_TRUE(request->closed);
  EXPECT_TRUE(world.requests[0]->closed);
}

TEST(Http2ConnectionTest, HandlersMayDropTheirStreamsWhenTheConnectionEnds) {
  for (bool by_destruction : {false, true}) {
    World world;
    std::vector<std::shared_ptr<Record>> records;
    for (int i = 0; i < 4; ++i) {
      records.push_back(world.start(post(), false));
      records.back()->hook = [&](const std::string& call) {
        if (call == "closed") {
          for (auto& record : records) record->stream.reset();
        }
      };
    }
    world.loop.run_ready();
    if (by_destruction) {
      world.client.reset();
    } else {
      world.server.reset();
    }
    world.loop.run_ready();
    EXPECT_TRUE(records[0]->closed);
    EXPECT_FALSE(records[1]->closed);
  }
}

}  // namespace
}  // namespace ringside::http
