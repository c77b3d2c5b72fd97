#include "http/http1_connection.h"

#include <gmock/gmock.h>
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
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kGet = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";

struct World {
  explicit World(
      std::function<void(Record&)> on_request = [](Record&) {}, net::PipeOptions pipe = {},
      Http1Connection::Options options = {}) {
    auto [here, there] = net::make_pipe(loop, pipe);
    peer = std::make_unique<RawPeer>(std::move(there));
    connection = std::make_unique<Http1Connection>(loop, std::move(here), options,
                                                   recording_acceptor(requests, std::move(on_request)), [this] {
                                                     ++closed;
                                                     connection.reset();
                                                   });
  }
  std::string exchange(std::string_view bytes) {
    peer->send(bytes);
    loop.run_ready();
    return peer->take();
  }

  event::SimulatedLoop loop;
  std::vector<std::shared_ptr<Record>> requests;
  std::unique_ptr<RawPeer> peer;
  std::unique_ptr<Http1Connection> connection;
  int closed = 0;
};

// Answers when the request is complete: its body, or its path.
void echo(Record& record) {
  auto answer = [&record] {
    std::string body = record.has_body ? record.body : record.request.path;
    record.stream->send_response({200, {{"content-length", std::to_string(body.size())}}}, false);
    record.stream->send_body(body);
    record.stream->send_end();
  };
  if (!record.has_body) return answer();
  record.hook = [answer](const std::string& call) {
    if (call == "end") answer();
  };
}

TEST(Http1ConnectionTest, RequestsOneAfterAnotherThroughPipesOfEverySize) {
  for (size_t capacity : {size_t(1), size_t(50), size_t(1) << 16}) {
    for (size_t per_call : {size_t(1), size_t(1) << 20}) {
      World world(echo, {.capacity = capacity, .max_bytes_per_call = per_call});
      EXPECT_EQ(world.exchange("GET /a HTTP/1.1\r\nhost: h\r\n\r\n"), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n/a");
      EXPECT_EQ(world.exchange("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello"),
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
      EXPECT_EQ(world.exchange("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
                               "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde");
      EXPECT_EQ(world.requests.size(), 3u);
      for (auto& request : world.requests) {
        EXPECT_TRUE(request->handler_destroyed);
        EXPECT_FALSE(request->closed);
      }
      EXPECT_FALSE(world.closed);
    }
  }
}

TEST(Http1ConnectionTest, PipelinedRequestsAreAnsweredInOrder) {
  World world(echo);
  std::string text, expected;
  for (int i = 0; i < 50; ++i) {
    std::string body = std::to_string(i);
    text += "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    expected += "HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  EXPECT_EQ(world.exchange(text), expected);
}

TEST(Http1ConnectionTest, PipelinedRequestWaitsForTheAnswerBeforeIt) {
  World world;
  world.exchange(kGet + kGet);
  ASSERT_EQ(world.requests.size(), 1u);
  world.requests[0]->stream->send_response({204, {}}, true);
  world.loop.run_ready();
  EXPECT_EQ(world.requests.size(), 2u);
}

TEST(Http1ConnectionTest, ChunkedResponseWithTrailers) {
  World world;
  world.exchange(kGet);
  Stream& stream = *world.requests[0]->stream;
  stream.send_response({200, {{"x", "y"}, {"connection", "x"}}}, false);
  world.loop.run_ready();
  EXPECT_EQ(world.peer->take(), "HTTP/1.1 200 OK\r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n");
  stream.send_body("hello");
  stream.send_body("");
  stream.send_body(std::string(17, 'x'));
  EXPECT_EQ(stream.unsent(), 22u);
  world.loop.run_ready();
  EXPECT_EQ(world.peer->take(), "5\r\nhello\r\n11\r\nxxxxxxxxxxxxxxxxx\r\n");
  EXPECT_EQ(world.requests[0]->sent, 22u);
  stream.send_end({{"t", "1"}});
  world.loop.run_ready();
  EXPECT_EQ(world.peer->take(), "0\r\nt: 1\r\n\r\n");
  EXPECT_FALSE(world.closed);
}

TEST(Http1ConnectionTest, ResponsesWithoutBody) {
  struct Case {
    std::string request;
    int status;
    bool end;
    std::string expected;
  };
  const Case cases[] = {
      {kGet, 200, true, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"},
      {kGet, 204, true, "HTTP/1.1 204 \r\n\r\n"},
      {kGet, 204, false, "HTTP/1.1 204 \r\n\r\n"},
      {kGet, 304, false, "HTTP/1.1 304 \r\n\r\n"},
      {"HEAD / HTTP/1.1\r\nhost: h\r\n\r\n", 200, false, "HTTP/1.1 200 OK\r\n\r\n"},
      {"HEAD / HTTP/1.1\r\nhost: h\r\n\r\n", 200, true, "HTTP/1.1 200 OK\r\n\r\n"},
  };
  for (const Case& c : cases) {
    World world([&](Record& record) {
      record.stream->send_response({c.status, {}}, c.end);
      if (c.end) return;
      record.stream->send_body("not sent");
      record.stream->send_end();
    });
    EXPECT_EQ(world.exchange(c.request), c.expected);
    EXPECT_EQ(world.exchange(c.request), c.expected);  // the connection is in step
    if (!c.end) EXPECT_EQ(world.requests[0]->sent, 8u);
  }
}

TEST(Http1ConnectionTest, HeadKeepsContentLength) {
  World world([](Record& record) {
    record.stream->send_response({200, {{"content-length", "5"}}}, false);
    record.stream->send_body("hello");
    record.stream->send_end();
  });
  EXPECT_EQ(world.exchange("HEAD / HTTP/1.1\r\nhost: h\r\n\r\n"), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
}

TEST(Http1ConnectionTest, ClientsThatWantItAreClosed) {
  for (std::string request : {"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
                              "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"}) {
    World world(echo);
    EXPECT_EQ(world.exchange(request), "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n/") << request;
    EXPECT_TRUE(world.peer->saw_end());
    EXPECT_EQ(world.closed, 1);
    EXPECT_FALSE(world.requests[0]->closed);
  }
}

TEST(Http1ConnectionTest, OldClientsGetNoChunks) {
  World world([](Record& record) {
    record.stream->send_response({200, {}}, false);
    record.stream->send_body("hello");
    record.stream->send_end();
  });
  EXPECT_EQ(world.exchange("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello");
  EXPECT_TRUE(world.peer->saw_end());
}

TEST(Http1ConnectionTest, ExpectedContinueIsSentUnlessTheAnswerIsThere) {
  const std::string head = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n";
  World taken(echo);
  EXPECT_EQ(taken.exchange(head), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(taken.exchange("hello"), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
  EXPECT_FALSE(taken.closed);

  World refused([](Record& record) { record.stream->send_response({413, {}}, true); });
  EXPECT_EQ(refused.exchange(head), "HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  EXPECT_TRUE(refused.peer->saw_end());
  refused.peer->close();  // the client, which has its answer
  refused.loop.run_ready();
  EXPECT_EQ(refused.closed, 1);
}

TEST(Http1ConnectionTest, MalformedRequests) {
  struct Case {
    std::string text, status;
  };
  const Case cases[] = {
      {"hello\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nhost: h\r\nx: " + std::string(70'000, 'x'), "431"},
      {"GET /" + std::string(200'000, 'x'), "431"},
      {"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nx\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1;" + std::string(70'000, 'x'), "400"},
      {"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\nt: " + std::string(70'000, 'x'), "400"},
  };
  for (const Case& c : cases) {
    for (bool second : {false, true}) {
      SCOPED_TRACE(c.text.substr(0, 80) + (second ? " second" : ""));
      World world([](Record& record) {
        if (!record.has_body) record.stream->send_response({204, {}}, true);
      });
      std::string answer = world.exchange((second ? kGet : "") + c.text);
      if (second) {
        ASSERT_THAT(answer, StartsWith("HTTP/1.1 204 \r\n\r\n"));
        answer.erase(0, 17);
      }
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + c.status + " "));
      EXPECT_THAT(answer, HasSubstr("connection: close\r\n"));
      EXPECT_TRUE(world.peer->saw_end());
      world.loop.advance(seconds(6));
      EXPECT_EQ(world.closed, 1);
      for (auto& request : world.requests) {
        EXPECT_TRUE(request->handler_destroyed);
        EXPECT_EQ(request->closed.has_value(), request->has_body);
      }
    }
  }
}

// Over the window of a body.
TEST(Http1ConnectionTest, LargeHeads) {
  constexpr size_t kLimit = 1 << 20;
  for (size_t capacity : {size_t(4096), kLimit}) {
    World world(echo, {.capacity = capacity}, {.max_header_bytes = kLimit});
    std::string head = "GET /a HTTP/1.1\r\nhost: h\r\nx: ";
    head.append(kLimit - head.size() - 4 - 200, 'x') += "\r\n\r\n";
    EXPECT_EQ(world.exchange(head), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n/a");
    EXPECT_EQ(world.exchange(kGet), "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n/");
    EXPECT_THAT(world.exchange(head.insert(head.size() - 4, 200, 'x')), StartsWith("HTTP/1.1 431 "));
  }
}

TEST(Http1ConnectionTest, HeadsThatAreNotCompleteAreLimitedTogether) {
  HeadBudget budget(300'000);
  Http1Connection::Options options{.max_header_bytes = 1 << 20, .head_budget = &budget};
  const std::string head = "GET / HTTP/1.1\r\nhost: h\r\nx: " + std::string(200'000, 'x');
  auto first = std::make_unique<World>(echo, net::PipeOptions{}, options);
  World second(echo, {}, options), third(echo, {}, options), fourth(echo, {}, options);
  EXPECT_EQ(first->exchange(head), "");
  EXPECT_EQ(second.exchange(head), "");
  EXPECT_THAT(third.exchange(head), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_EQ(fourth.exchange(kGet), "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n/");
  first.reset();
  EXPECT_EQ(fourth.exchange(head), "");
  for (int i = 0; i < 10; ++i) {  // what is complete is in the budget no more
    EXPECT_EQ(second.exchange("\r\n\r\n"), "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n/");
    EXPECT_EQ(second.exchange(head), "");
  }
}

TEST(Http1ConnectionTest, SlowHeadIsGivenUpWhateverItsPieces) {
  World world;
  std::string head = "GET / HTTP/1.1\r\nhost: h\r\n";
  world.loop.advance(minutes(4));
  for (char c : head) {
    world.exchange(std::string(1, c));
    world.loop.advance(milliseconds(398));
  }
  EXPECT_FALSE(world.closed);
  world.loop.advance(seconds(1));
  EXPECT_EQ(world.closed, 1);

  World paused;
  paused.exchange("GET / HTTP/1.1\r\n");
  paused.loop.advance(seconds(9));
  paused.exchange("host: h\r\n");
  paused.loop.advance(seconds(2));
  EXPECT_EQ(paused.closed, 1);
}

TEST(Http1ConnectionTest, IdleConnectionIsClosedAndBusyOnesAreNot) {
  World world;
  world.loop.advance(minutes(5) - seconds(1));
  EXPECT_FALSE(world.closed);
  world.exchange(kGet);
  world.loop.advance(minutes(60));
  EXPECT_FALSE(world.closed);
  world.requests[0]->stream->send_response({204, {}}, true);
  world.loop.advance(minutes(5) - seconds(1));
  EXPECT_FALSE(world.closed);
  world.loop.advance(seconds(1));
  EXPECT_EQ(world.closed, 1);
}

TEST(Http1ConnectionTest, ClientThatGoesAwayClosesTheRequest) {
  for (bool with_body : {false, true}) {
    World world;
    world.exchange(with_body ? "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhel" : kGet);
    world.peer->close();
    world.loop.run_ready();
    ASSERT_TRUE(world.requests[0]->closed);
    EXPECT_EQ(world.requests[0]->closed->kind, ErrorKind::kCancelled);
    EXPECT_TRUE(world.requests[0]->handler_destroyed);
    EXPECT_EQ(world.closed, 1);
    world.requests[0]->stream->send_response({200, {}}, true);  // harmless
  }
}

TEST(Http1ConnectionTest, HalfClosedClientThatAskedForCloseGetsItsAnswer) {
  World world;
  world.exchange("GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
  world.peer->end();
  world.loop.run_ready();
  EXPECT_FALSE(world.closed);
  world.requests[0]->stream->send_response({204, {}}, true);
  world.loop.run_ready();
  EXPECT_EQ(world.peer->take(), "HTTP/1.1 204 \r\nconnection: close\r\n\r\n");
  EXPECT_EQ(world.closed, 1);
}

TEST(Http1ConnectionTest, EarlyAnswerKeepsTheConnectionInStep) {
  World world([](Record& record) {
    record.credits = false;
    record.stream->send_response({409, {}}, true);
  });
  std::string head = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 500000\r\n\r\n";
  EXPECT_EQ(world.exchange(head), "HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(world.exchange(std::string(500'000, 'x')), "");
  EXPECT_EQ(world.exchange(head + std::string(500'000, 'x') + kGet),
            "HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\nHTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\n");
  EXPECT_FALSE(world.closed);
}

TEST(Http1ConnectionTest, RestOfARequestIsNotWaitedForLong) {
  World world([](Record& record) { record.stream->send_response({409, {}}, true); });
  world.exchange("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhel");
  world.loop.advance(seconds(4));
  EXPECT_FALSE(world.closed);
  world.loop.advance(seconds(1));
  EXPECT_EQ(world.closed, 1);
}

TEST(Http1ConnectionTest, WithheldCreditStopsReading) {
  World world;
  world.exchange("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\n");
  Record& request = *world.requests[0];
  request.credits = false;
  world.exchange(std::string(1'000'000, 'x'));
  EXPECT_LE(request.body.size(), (128u << 10) + (64u << 10));
  size_t callbacks = world.peer->callbacks();
  world.loop.advance(seconds(1));
  EXPECT_EQ(world.peer->callbacks(), callbacks);
  while (!request.ended) {
    size_t before = request.body.size();
    request.stream->credit(64 << 10);
    world.loop.run_ready();
    ASSERT_GT(request.body.size(), before);
  }
  EXPECT_EQ(request.body.size(), 1'000'000u);
}

TEST(Http1ConnectionTest, PipelinedFloodIsHeldBack) {
  World world([](Record&) {}, {.capacity = 1000});
  std::string flood;
  for (int i = 0; i < 100'000; ++i) flood += kGet;
  world.peer->send(flood);
  world.loop.run_ready();
  EXPECT_EQ(world.requests.size(), 1u);
  for (int i = 0; i < 100; ++i) {
    world.requests.back()->stream->send_response({204, {}}, true);
    world.loop.run_ready();
  }
  EXPECT_EQ(world.requests.size(), 101u);
}

TEST(Http1ConnectionTest, ReaderThatStopsHoldsTheWriterBack) {
  World world([](Record&) {}, {.capacity = 1000});
  world.exchange(kGet);
  world.peer->set_reading(false);
  Record& request = *world.requests[0];
  request.stream->send_response({200, {}}, false);
  request.stream->send_body(std::string(5000, 'x'));
  world.loop.run_ready();
  EXPECT_EQ(request.sent, 0u);
  EXPECT_EQ(request.stream->unsent(), 5000u);
  world.peer->set_reading(true);
  world.loop.run_ready();
  EXPECT_EQ(request.sent, 5000u);
}

TEST(Http1ConnectionTest, StreamDroppedOrResetInEachCallback) {
  for (std::string call : {"accept", "body", "end", "sent", "closed"}) {
    for (bool drop : {false, true}) {
      SCOPED_TRACE(call + (drop ? " dropped" : " reset"));
      World world([&](Record& record) {
        auto act = [&record, drop] { drop ? record.stream.reset() : record.stream->reset(); };
        if (call == "accept") return act();
        record.hook = [call, act](const std::string& now) {
          if (now == call) act();
        };
      });
      world.exchange("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello");
      Record& request = *world.requests[0];
      if (request.stream && world.connection) {
        request.stream->send_response({200, {}}, false);
        if (request.stream) request.stream->send_body("x");
        world.loop.run_ready();
      }
      if (world.connection) world.peer->close();
      world.loop.run_ready();
      EXPECT_EQ(world.closed, 1);
      EXPECT_TRUE(request.handler_destroyed);
      EXPECT_EQ(request.closed.has_value(), call == "closed");
    }
  }
}

TEST(Http1ConnectionTest, AnswerFromTheAcceptorAndDropped) {
  World world([](Record& record) {
    record.stream->send_response({200, {{"content-length", "5"}}}, false);
    record.stream->send_body("hello");
    record.stream->send_end();
    record.stream.reset();
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(world.exchange(kGet), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
  EXPECT_FALSE(world.closed);
}

TEST(Http1ConnectionTest, DrainLetsTheRequestEnd) {
  World idle;
  idle.connection->drain();
  idle.loop.run_ready();
  EXPECT_EQ(idle.closed, 1);

  World busy;
  busy.exchange(kGet);
  busy.connection->drain();
  busy.loop.run_ready();
  EXPECT_FALSE(busy.closed);
  busy.requests[0]->stream->send_response({204, {}}, true);
  busy.loop.run_ready();
  EXPECT_EQ(busy.peer->take(), "HTTP/1.1 204 \r\nconnection: close\r\n\r\n");
  EXPECT_EQ(busy.closed, 1);

  World answering;  // drained between the response and the next request
  answering.exchange(kGet);
  answering.requests[0]->stream->send_response({204, {}}, false);
  answering.loop.run_ready();
  answering.requests[0]->stream->send_end();
  auto end = answering.loop.turn_end([&] { answering.connection->drain(); });
  end->schedule();  // after the flush, which was scheduled before
  answering.loop.run_ready();
  EXPECT_EQ(answering.closed, 1);
}

TEST(Http1ConnectionTest, DestroyedInEachState) {
  for (std::string text : {"", "GET /", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhel", kGet.c_str()}) {
    World world;
    world.exchange(text);
    world.connection.reset();
    world.loop.run_ready();
    EXPECT_TRUE(world.peer->saw_end());
    for (auto& request : world.requests) {
      EXPECT_TRUE(request->closed);
      EXPECT_TRUE(request->handler_destroyed);
    }
  }
}

// --- Clients that hang.

struct WatchingWorld {
  explicit WatchingWorld(std::function<void(Record&)> on_request = begin_watch)
      : world(std::move(on_request), {}, options()) {}
  static void begin_watch(Record& record) {
    record.stream->send_response({200, {}}, false);
    record.stream->send_body("event");
  }
  Http1Connection::Options options() {
    Http1Connection::Options options;
    options.reading = {.interval = seconds(4), .timeout = seconds(6), .life = &life};
    return options;
  }

  ClientLife life;
  World world;
};

TEST(Http1ConnectionTest, ClientThatReadsNothingOfItsResponseHangs) {
  WatchingWorld watching;
  World& world = watching.world;
  world.peer->set_reading(false);
  world.exchange(kGet);
  world.loop.advance(seconds(9));
  EXPECT_EQ(world.closed, 0);
  EXPECT_THAT(std::string(world.connection->hangs()), "");
  world.loop.advance(seconds(2));
  EXPECT_EQ(world.closed, 1);
  EXPECT_TRUE(world.requests[0]->closed);
}

TEST(Http1ConnectionTest, ClientThatReadsOrHasNothingToReadDoesNotHang) {
  WatchingWorld watching;
  World& world = watching.world;
  world.exchange(kGet);
  world.loop.advance(minutes(3));  // nothing to read
  EXPECT_EQ(world.closed, 0);
  for (int i = 0; i < 60; ++i) {  // slowly
    world.peer->set_reading(false);
    world.requests[0]->stream->send_body("another event");
    world.loop.advance(seconds(5));
    world.peer->set_reading(true);
    world.loop.run_ready();
  }
  EXPECT_EQ(world.closed, 0);
}

TEST(Http1ConnectionTest, ClientThatSpeaksOnAnotherConnectionDoesNotHang) {
  WatchingWorld watching;
  World& world = watching.world;
  world.peer->set_reading(false);
  world.exchange(kGet);
  for (int i = 0; i < 60; ++i) {
    world.loop.advance(seconds(7));
    watching.life.heard = world.loop.now();
  }
  EXPECT_EQ(world.closed, 0);
  world.loop.advance(seconds(15));
  EXPECT_EQ(world.closed, 1);
}

TEST(Http1ConnectionTest, ClientThatIsStillSendingMayReadLater) {
  WatchingWorld watching;
  World& world = watching.world;
  world.peer->set_reading(false);
  world.exchange("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhal");
  world.loop.advance(minutes(1));
  EXPECT_EQ(world.closed, 0);
}

TEST(Http1ConnectionTest, ClientThatReadsNothingOfATunnelHangs) {
  WatchingWorld watching(
      [](Record& record) { record.stream->send_response({101, {{"upgrade", "websocket"}}}, false); });
  World& world = watching.world;
  world.exchange("GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
  world.loop.advance(minutes(1));
  EXPECT_EQ(world.closed, 0);
  world.peer->set_reading(false);
  world.requests[0]->stream->send_body("a frame");
  world.loop.advance(seconds(15));
  EXPECT_EQ(world.closed, 1);
}

}  // namespace
}  // namespace ringside::http
