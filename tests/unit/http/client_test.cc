#include "http/client.h"

#include <gtest/gtest.h>

#include <random>

#include "event/simulated_loop.h"
#include "tests/support/cut_stream.h"
#include "tests/support/pipe_server.h"
#include "tests/support/recording_handler.h"
#include "tests/support/run_task.h"

namespace ringside::http {
namespace {

using ringside::testing::CutStream;
using ringside::testing::PipeServer;
using ringside::testing::Record;
using ringside::testing::recording_acceptor;
using ringside::testing::RecordingHandler;
using ringside::testing::run;
using ringside::testing::Started;
using std::chrono::seconds;

// A client and a server over pipes.
struct World {
  explicit World(
      net::PipeOptions pipe = {}, std::function<void(Record&)> on_request = [](Record&) {})
      : server(loop, recording_acceptor(requests, std::move(on_request)), pipe),
        client(std::make_unique<Client>(loop, Logger(), server.dialer(), Client::Options{.authority = "api"})) {}

  std::shared_ptr<Record> start(RequestHead head, bool end) {
    auto record = std::make_shared<Record>();
    handlers.push_back(std::make_unique<RecordingHandler>(record));
    record->stream = client->start(std::move(head), end, *handlers.back());
    return record;
  }
  Request request(std::string method, std::string path, std::string body = {}) {
    return {.head = {.method = std::move(method), .authority = {}, .path = std::move(path), .headers = {}},
            .body = std::move(body)};
  }

  event::SimulatedLoop loop;
  std::vector<std::shared_ptr<Record>> requests;
  PipeServer server;
  std::unique_ptr<Client> client;
  std::vector<std::unique_ptr<RecordingHandler>> handlers;  // their streams must not outlive the client
};

RequestHead get(std::string path = "/") {
  return {.method = "GET", .authority = {}, .path = path, .headers = {}};
}
RequestHead post(std::string path = "/") {
  return {.method = "POST", .authority = {}, .path = path, .headers = {}};
}

// Answers with the request's body, or its path, when the request is complete.
void echo(Record& record) {
  auto answer = [&record] {
    record.stream->send_response({200, {{"x-method", record.request.method}}}, false);
    record.stream->send_body(record.has_body ? record.body : record.request.path);
    record.stream->send_end();
  };
  if (!record.has_body) return answer();
  record.hook = [answer](const std::string& call) {
    if (call == "end") answer();
  };
}

TEST(ClientTest, ConnectsAhead) {
  World world({}, echo);
  world.client->connect_ahead();
  world.loop.run_ready();
  EXPECT_EQ(world.server.connections.size(), 1u);
  ASSERT_TRUE(run(world.loop, world.client->fetch(world.request("GET", "/"))));
  world.client->connect_ahead();  // there is one
  world.loop.run_ready();
  EXPECT_EQ(world.server.dials, 1u);
}

TEST(ClientTest, ConnectingAheadInVainIsTriedAgainByTheFirstRequest) {
  World world({}, echo);
  world.server.refuse = true;
  world.client->connect_ahead();
  world.loop.run_ready();
  world.server.refuse = false;
  EXPECT_TRUE(run(world.loop, world.client->fetch(world.request("GET", "/"))));
  EXPECT_EQ(world.server.dials, 2u);
}

TEST(ClientTest, ServerIsAheadOfItsReaderByAWindow) {
  for (uint32_t window : {1u << 10, 256u << 10}) {
    World world({}, [](Record& record) {
      record.stream->send_response({200, {}}, false);
      record.stream->send_body(std::string(1 << 20, 'x'));
    });
    world.client = std::make_unique<Client>(world.loop, Logger(), world.server.dialer(),
                                            Client::Options{.authority = "api", .stream_window = window});
    auto request = world.start(get(), true);
    request->credits = false;
    world.loop.run_ready();
    EXPECT_EQ(request->body.size(), window);
  }
}

TEST(ClientTest, FetchesThroughPipesOfEverySize) {
  for (size_t capacity : {1, 100, 1 << 16}) {
    for (size_t per_call : {1, 1 << 30}) {
      World world({.capacity = capacity, .max_bytes_per_call = per_call}, echo);
      auto got = run(world.loop, world.client->fetch(world.request("GET", "/a?b=1")));
      ASSERT_TRUE(got) << got.error().message;
      EXPECT_EQ(got->status, 200);
      EXPECT_EQ(got->headers.get("x-method"), "GET");
      EXPECT_EQ(got->body, "/a?b=1");
      EXPECT_EQ(world.requests[0]->request.authority, "api");
      std::string body(3000, 'x');
      auto posted = run(world.loop, world.client->fetch(world.request("POST", "/", body)));
      ASSERT_TRUE(posted) << posted.error().message;
      EXPECT_TRUE(posted->body == body);
      EXPECT_EQ(world.requests[1]->request.headers.get("content-length"), "3000");
      EXPECT_EQ(world.server.dials, 1u);
    }
  }
}

TEST(ClientTest, BigBodiesWithSmallPipes) {
  World world({.capacity = 1000}, echo);
  std::string body(3 << 20, 'x');
  auto got = run(world.loop, world.client->fetch(world.request("PUT", "/", body)));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_TRUE(got->body == body);
  EXPECT_EQ(run(world.loop, world.client->fetch(world.request("PUT", "/", body), 1 << 20)).error().kind,
            ErrorKind::kInvalid);
}

TEST(ClientTest, EarlyAnswerIsTheAnswer) {
  World world({}, [](Record& record) {
    record.credits = false;
    record.stream->send_response({413, {}}, false);
    record.stream->send_body("too large");
    record.stream->send_end();
  });
  auto got = run(world.loop, world.client->fetch(world.request("POST", "/", std::string(1 << 20, 'x'))));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->status, 413);
  EXPECT_EQ(got->body, "too large");
}

TEST(ClientTest, BodyInPiecesHoldsTheServerBack) {
  World world({}, [](Record& record) {
    record.stream->send_response({200, {}}, false);
    record.stream->send_body(std::string(1 << 20, 'x'));
    record.stream->send_end();
  });
  auto answer = run(world.loop, world.client->open(world.request("GET", "/")));
  ASSERT_TRUE(answer);
  world.loop.run_ready();
  EXPECT_GE(world.requests[0]->stream->unsent(), (1u << 20) - (128u << 10) - (64u << 10));
  size_t size = 0;
  for (;;) {
    auto piece = run(world.loop, answer->body->next());
    ASSERT_TRUE(piece);
    EXPECT_LE(piece->size(), 128u << 10);
    if (piece->empty()) break;
    size += piece->size();
  }
  EXPECT_EQ(size, 1u << 20);
}

TEST(ClientTest, DroppedBodyReaderCancelsTheRequest) {
  World world({}, [](Record& record) { record.stream->send_response({200, {}}, false); });
  auto answer = run(world.loop, world.client->open(world.request("GET", "/")));
  answer->body.reset();
  world.loop.run_ready();
  ASSERT_TRUE(world.requests[0]->closed);
  EXPECT_EQ(world.requests[0]->closed->kind, ErrorKind::kCancelled);
}

TEST(ClientTest, CancelledFetchAtAnyMoment) {
  for (int moment = 0; moment < 60; ++moment) {
    World world({.capacity = 64}, echo);
    auto fetch = std::make_unique<Started<Result<Response>>>(
        world.loop, world.client->fetch(world.request("POST", "/", std::string(2000, 'x'))));
    // A post that posts itself again runs between all the others, and in every turn.
    std::unique_ptr<event::Posted> posted;
    std::function<void(int)> count_down = [&](int left) {
      if (left == 0) return fetch.reset();
      posted = world.loop.post([&, left] { count_down(left - 1); });
    };
    count_down(moment);
    world.loop.run_ready();
    EXPECT_FALSE(fetch);
    auto got = run(world.loop, world.client->fetch(world.request("GET", "/again")));
    ASSERT_TRUE(got) << moment;
    EXPECT_EQ(got->body, "/again");
  }
}

TEST(ClientTest, RefusedDialIsRefusedAndTheNextOneWorks) {
  World world({}, echo);
  world.server.refuse = true;
  auto first = run(world.loop, world.client->fetch(world.request("GET", "/")));
  EXPECT_EQ(first.error().kind, ErrorKind::kRefused);
  EXPECT_NE(first.error().message.find("connection refused"), std::string::npos);
  auto streamed = world.start(post(), false);
  world.loop.run_ready();
  EXPECT_EQ(streamed->closed->kind, ErrorKind::kRefused);
  EXPECT_EQ(world.server.dials, 2u);

  world.server.refuse = false;
  EXPECT_TRUE(run(world.loop, world.client->fetch(world.request("GET", "/"))));
  EXPECT_EQ(world.server.dials, 3u);
}

TEST(ClientTest, RequestsStartedAgainWhenTheDialFailedWaitForTheNext) {
  World world({}, echo);
  world.server.refuse = true;
  auto first = world.start(get(), true);
  std::shared_ptr<Record> second;
  first->hook = [&](const std::string& call) {
    if (call != "closed") return;
    world.server.refuse = false;
    second = world.start(get("/second"), true);
    first->stream.reset();
  };
  world.loop.run_ready();
  ASSERT_TRUE(second && second->response);
  EXPECT_EQ(second->body, "/second");
}

TEST(ClientTest, FailedDialMayDropOtherWaitingRequests) {
  World world({}, echo);
  world.server.refuse = true;
  auto first = world.start(get(), true), second = world.start(get(), true), third = world.start(get(), true);
  first->hook = [&](const std::string&) { second->stream.reset(), first->stream.reset(); };
  world.loop.run_ready();
  EXPECT_TRUE(first->closed);
  EXPECT_FALSE(second->closed);
  EXPECT_TRUE(third->closed);
}

TEST(ClientTest, SilentDialTimesOut) {
  World world({}, echo);
  world.server.hang = true;
  Started fetch(world.loop, world.client->fetch(world.request("GET", "/")));
  world.loop.advance(seconds(4));
  EXPECT_FALSE(fetch.done());
  world.loop.advance(seconds(1));
  ASSERT_TRUE(fetch.done());
  EXPECT_EQ(fetch.result().error().kind, ErrorKind::kRefused);
  world.server.hang = false;
  EXPECT_TRUE(run(world.loop, world.client->fetch(world.request("GET", "/"))));
}

TEST(ClientTest, RequestsAndBodiesWaitForTheConnection) {
  World world({}, echo);
  auto record = world.start(post(), false);
  record->stream->send_body("early ");
  EXPECT_EQ(record->stream->unsent(), 6u);
  record->stream->send_body("body");
  record->stream->send_end({{"x", "y"}});
  auto dropped = world.start(get("/dropped"), true);
  dropped->stream.reset();
  auto reset = world.start(get("/reset"), true);
  reset->stream->reset();
  world.loop.run_ready();
  EXPECT_EQ(record->body, "early body");
  EXPECT_EQ(record->sent, 10u);
  EXPECT_EQ(world.requests.size(), 1u);
}

TEST(ClientTest, MoreRequestsThanTheServerTakesUseAnotherConnection) {
  World world;
  world.server.options.session.max_concurrent_streams = 100;
  std::vector<std::shared_ptr<Record>> records;
  for (int i = 0; i < 250; ++i) records.push_back(world.start(get(), true));
  world.loop.run_ready();
  EXPECT_EQ(world.requests.size(), 250u);
  EXPECT_EQ(world.server.dials, 3u);
  for (auto& request : world.requests) request->stream->send_response({204, {}}, true);
  world.loop.run_ready();
  for (auto& record : records) EXPECT_TRUE(record->ended);
}

TEST(ClientTest, WaitingRequestTakesThePlaceOfOneThatEnds) {
  World world;
  world.server.options.session.max_concurrent_streams = 1;
  auto first = world.start(get("/1"), true);
  world.loop.run_ready();
  world.server.hang = true;  // no second connection
  auto second = world.start(get("/2"), true);
  world.loop.run_ready();
  EXPECT_EQ(world.requests.size(), 1u);
  world.requests[0]->stream->send_response({204, {}}, true);
  world.loop.run_ready();
  ASSERT_EQ(world.requests.size(), 2u);
  EXPECT_EQ(world.requests[1]->request.path, "/2");
}

TEST(ClientTest, DrainedServerGetsNoMoreRequestsAndOpenOnesEnd) {
  World world;
  auto open = world.start(get("/open"), true);
  world.loop.run_ready();
  world.server.connections.front()->drain();
  auto racing = world.start(get("/racing"), true);  // on its way when the GOAWAY comes
  world.loop.run_ready();
  auto later = world.start(get("/later"), true);
  world.loop.run_ready();
  EXPECT_EQ(world.server.dials, 2u);
  EXPECT_EQ(world.server.connections.size(), 2u);
  for (auto& request : world.requests) request->stream->send_response({204, {}}, true);
  world.loop.run_ready();
  for (auto& record : {open, racing, later}) {
    EXPECT_TRUE(record->ended);
    EXPECT_FALSE(record->closed);
  }
  EXPECT_EQ(world.requests.size(), 3u);
  EXPECT_EQ(world.server.connections.size(), 1u);  // the drained one has closed
}

TEST(ClientTest, RetiredConnectionEndsWithItsRequests) {
  World world;
  auto first = world.start(get("/1"), true);
  world.loop.run_ready();
  world.client->retire_connections();
  auto second = world.start(get("/2"), true);
  world.loop.run_ready();
  EXPECT_EQ(world.server.connections.size(), 2u);
  for (auto& request : world.requests) request->stream->send_response({204, {}}, true);
  world.loop.run_ready();
  EXPECT_TRUE(first->ended && second->ended);
  EXPECT_EQ(world.server.connections.size(), 1u);
}

TEST(ClientTest, ConnectionLostClosesItsRequests) {
  World world;
  auto idle = world.start(get(), true);
  auto sending = world.start(post(), false);
  world.loop.run_ready();
  world.server.cut();
  world.loop.run_ready();
  EXPECT_EQ(idle->closed->kind, ErrorKind::kDisconnected);
  EXPECT_EQ(sending->closed->kind, ErrorKind::kDisconnected);
  sending->stream->send_body("late");
  world.start(get(), true);
  world.loop.run_ready();
  EXPECT_EQ(world.server.dials, 2u);
}

TEST(ClientTest, RequestsStartedFromWithinOnClosedUseANewConnection) {
  World world;
  auto first = world.start(get("/1"), true);
  std::shared_ptr<Record> second;
  first->hook = [&](const std::string& call) {
    if (call != "closed") return;
    first->stream.reset();
    second = world.start(get("/2"), true);
  };
  world.loop.run_ready();
  world.server.cut();
  world.loop.run_ready();
  ASSERT_EQ(world.requests.size(), 2u);
  EXPECT_EQ(world.requests[1]->request.path, "/2");
}

TEST(ClientTest, SilentConnectionIsGivenUp) {
  World world;
  auto request = world.start(get(), true);
  world.loop.run_ready();
  // The server answers PINGs, so the connection stays.
  world.loop.advance(std::chrono::minutes(10));
  EXPECT_FALSE(request->closed);
  // It stops reading and writing, as a machine does that lost its power.
  struct Silent : net::ByteStream {
    net::IoResult read(std::span<char>) override { return {}; }
    net::IoResult write(std::string_view bytes) override { return {net::IoStatus::kOk, bytes.size()}; }
    void shut_down_write() override {}
    void set_ready_callback(ReadyCallback) override {}
    void want(bool, bool) override {}
    const Error& error() const override { return error_; }
    Error error_;
  };
  Client silent(
      world.loop, Logger(),
      []() -> event::Task<Result<std::unique_ptr<net::ByteStream>>> { co_return std::make_unique<Silent>(); },
      Client::Options{.authority = "api"});
  auto record = std::make_shared<Record>();
  RecordingHandler handler(record);
  record->stream = silent.start(get(), true, handler);
  world.loop.advance(seconds(44));
  EXPECT_FALSE(record->closed);
  world.loop.advance(seconds(2));
  ASSERT_TRUE(record->closed);
  EXPECT_EQ(record->closed->kind, ErrorKind::kDisconnected);
  record->stream.reset();
}

TEST(ClientTest, RefusedStreamsWithoutBodyAreSentAgain) {
  // A session that refuses the first streams: more than it allows at once, sent before its limit was known.
  World world({}, [](Record& record) { record.stream->send_response({204, {}}, true); });
  world.server.options.session.max_concurrent_streams = 40;
  std::vector<std::shared_ptr<Record>> records;
  for (int i = 0; i < 100; ++i) records.push_back(world.start(get(), true));
  world.loop.run_ready();
  for (auto& record : records) {
    EXPECT_TRUE(record->ended);
    EXPECT_FALSE(record->closed);
  }
}

TEST(ClientTest, RefusedStreamsWithSmallBodiesAreSentAgainAndReportedOnce) {
  World world({}, echo);
  world.server.options.session.max_concurrent_streams = 40;
  std::vector<std::shared_ptr<Record>> records;
  std::string half(500, 'x');
  for (int i = 0; i < 100; ++i) {
    records.push_back(world.start(post(), false));
    records.back()->stream->send_body(half);
  }
  world.loop.run_ready();
  for (auto& record : records) record->stream->send_body(half);
  for (auto& record : records) record->stream->send_end({{"x-trailer", "a"}});
  world.loop.run_ready();
  for (auto& record : records) {
    EXPECT_FALSE(record->closed);
    EXPECT_EQ(record->body, half + half);
    EXPECT_EQ(record->sent, 1000u);
  }
  EXPECT_GT(world.server.dials, 1u);
}

TEST(ClientTest, RefusedStreamsWithLargeBodiesAreNotKept) {
  World world({}, echo);
  world.server.options.session.max_concurrent_streams = 40;
  std::vector<std::shared_ptr<Record>> records;
  for (int i = 0; i < 100; ++i) {
    records.push_back(world.start(post(), false));
    records.back()->stream->send_body(std::string(100'000, 'x'));
    records.back()->stream->send_end();
  }
  world.loop.run_ready();
  size_t refused = 0;
  for (auto& record : records) {
    EXPECT_NE(record->ended, record->closed.has_value());
    if (!record->closed) continue;
    ++refused;
    EXPECT_EQ(record->closed->kind, ErrorKind::kRefused);
  }
  EXPECT_GT(refused, 0u);
}

// Whatever moment the connection breaks at, every request ends, once, and the client works afterwards.
TEST(ClientTest, ConnectionCutAtRandomMoments) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    World world({.capacity = 1 + random() % 5000, .max_bytes_per_call = 1 + random() % 5000}, echo);
    bool cutting = true;
    world.server.wrap = [&](std::unique_ptr<net::ByteStream> inner) -> std::unique_ptr<net::ByteStream> {
      if (!cutting) return inner;
      return std::make_unique<CutStream>(std::move(inner), random() % 20'000);
    };
    std::vector<std::unique_ptr<Started<Result<Response>>>> fetches;
    for (int i = 0; i < 10; ++i) {
      std::string body(random() % 3 == 0 ? 0 : random() % 5000, 'x');
      fetches.push_back(std::make_unique<Started<Result<Response>>>(
          world.loop, world.client->fetch(world.request("POST", "/", body))));
      if (random() % 2 == 0) world.loop.run_ready();
      if (random() % 8 == 0) fetches[random() % fetches.size()].reset();
      std::erase(fetches, nullptr);
    }
    world.loop.run_ready();
    for (auto& fetch : fetches) EXPECT_TRUE(fetch->done());
    cutting = false;
    world.server.cut();
    world.loop.run_ready();
    EXPECT_TRUE(run(world.loop, world.client->fetch(world.request("GET", "/"))));
  }
}

TEST(ClientTest, DestroyedInEveryState) {
  for (int state = 0; state < 4; ++state) {
    World world;
    if (state == 1) world.server.hang = true;
    auto record = world.start(post(), false);
    if (state >= 1) world.loop.run_ready();
    if (state >= 2) world.requests[0]->stream->send_response({200, {}}, false), world.loop.run_ready();
    if (state >= 3) world.server.cut();
    record->stream.reset();
    world.client.reset();
    world.loop.run_ready();
  }
}

}  // namespace
}  // namespace ringside::http
