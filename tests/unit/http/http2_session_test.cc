#include "http/http2_session.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/recording_handler.h"

#if defined(__SANITIZE_ADDRESS__) || (defined(__has_feature) && __has_feature(address_sanitizer))
#include <sanitizer/allocator_interface.h>
#define RINGSIDE_COUNTS_MEMORY 1
#endif

namespace ringside::http {
namespace {

using ringside::testing::Record;
using ringside::testing::recording_acceptor;
using ringside::testing::RecordingHandler;

RequestHead get(std::string path = "/") {
  return {.method = "GET", .authority = "api", .path = path, .headers = {}};
}
RequestHead post(std::string path = "/") {
  return {.method = "POST", .authority = "api", .path = path, .headers = {}};
}

// A client's and a server's session, and what goes between them.
class Http2SessionTest : public ::testing::Test {
 protected:
  Http2SessionTest() { connect({.role = Http2Session::Role::kServer}, {.role = Http2Session::Role::kClient}); }

  void connect(Http2Session::Options server_options, Http2Session::Options client_options) {
    server_options.role = Http2Session::Role::kServer;
    client_options.role = Http2Session::Role::kClient;
    server = std::make_unique<Http2Session>(
        server_options,
        Http2Session::Events{.accept = recording_acceptor(requests, [this](Record& record) { on_request(record); })});
    client = std::make_unique<Http2Session>(client_options, Http2Session::Events{.accept = nullptr});
  }

  // Moves bytes both ways, in pieces of `piece` bytes, until there are none.
  void exchange(size_t piece = 1 << 20) {
    for (;;) {
      bool moved = move(*client, *server, piece);
      moved = move(*server, *client, piece) || moved;
      if (!moved) return;
    }
  }

  bool move(Http2Session& from, Http2Session& to, size_t piece) {
    std::string bytes;
    from.take_output(bytes, 64 << 10);
    from.report_sent();
    for (size_t begin = 0; begin < bytes.size(); begin += piece) {
      auto received = to.receive(std::string_view(bytes).substr(begin, piece));
      EXPECT_TRUE(received) << received.error().message;
    }
    return !bytes.empty();
  }

  std::shared_ptr<Record> start(RequestHead head, bool end) {
    auto record = std::make_shared<Record>();
    handlers.push_back(std::make_unique<RecordingHandler>(record));
    record->stream = client->start(head, end, *handlers.back());
    return record;
  }

  HeadBudget budget{100'000};
  std::function<void(Record&)> on_request = [](Record&) {};
  std::vector<std::shared_ptr<Record>> requests;
  std::vector<std::unique_ptr<RecordingHandler>> handlers;
  std::unique_ptr<Http2Session> server, client;
};

std::string random_bytes(size_t size, uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = char(random());
  return bytes;
}

TEST_F(Http2SessionTest, GetWithoutBodyWhateverTheSizeOfThePieces) {
  for (size_t piece : {1, 2, 7, 1 << 20}) {
    auto request = start(
        {.method = "GET", .authority = "api:443", .path = "/a?b=c", .headers = {{"x-a", "1"}, {"x-a", "2"}}}, true);
    exchange(piece);
    Record& at_server = *requests.back();
    EXPECT_EQ(at_server.request.method, "GET");
    EXPECT_EQ(at_server.request.authority, "api:443");
    EXPECT_EQ(at_server.request.path, "/a?b=c");
    EXPECT_EQ(at_server.request.headers.size(), 2u);
    EXPECT_FALSE(at_server.has_body);
    at_server.stream->send_response({200, {{"content-type", "text/plain"}}}, false);
    at_server.stream->send_body("hello ");
    at_server.stream->send_body("world");
    at_server.stream->send_end();
    exchange(piece);
    EXPECT_EQ(request->response->status, 200);
    EXPECT_EQ(request->response->headers.get("content-type"), "text/plain");
    EXPECT_EQ(request->body, "hello world");
    EXPECT_TRUE(request->ended);
    EXPECT_FALSE(request->closed);
    EXPECT_EQ(at_server.sent, 11u);
    EXPECT_TRUE(at_server.handler_destroyed);
    EXPECT_FALSE(at_server.closed);
    EXPECT_EQ(client->open_streams(), 0u);
    EXPECT_EQ(server->open_streams(), 0u);
  }
}

TEST_F(Http2SessionTest, BodiesBothWaysWithTrailers) {
  std::string up = random_bytes(1'000'000, 1), down = random_bytes(2'000'000, 2);
  auto request = start(post(), false);
  request->stream->send_body(up);
  request->stream->send_end({{"x-up", "1"}});
  exchange(1000);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(requests[0]->has_body);
  EXPECT_TRUE(requests[0]->body == up);
  EXPECT_EQ(requests[0]->trailers.get("x-up"), "1");
  EXPECT_EQ(request->sent, up.size());
  requests[0]->stream->send_response({201, {}}, false);
  requests[0]->stream->send_body(down);
  requests[0]->stream->send_end({{"x-down", "2"}});
  exchange(1000);
  EXPECT_TRUE(request->body == down);
  EXPECT_EQ(request->trailers.get("x-down"), "2");
  EXPECT_EQ(requests[0]->sent, down.size());
  EXPECT_EQ(request->calls.back(), "end");
  EXPECT_EQ(client->open_streams() + server->open_streams(), 0u);
}

TEST_F(Http2SessionTest, WithheldCreditStopsTheSenderAtTheWindow) {
  constexpr size_t kWindow = 32 << 10;
  connect({.stream_window = kWindow}, {.stream_window = kWindow});
  auto request = start(post(), false);
  request->credits = false;
  exchange();
  requests[0]->credits = false;
  request->stream->send_body(std::string(500'000, 'u'));
  requests[0]->stream->send_response({200, {}}, false);
  requests[0]->stream->send_body(std::string(500'000, 'd'));
  exchange();
  EXPECT_EQ(request->body.size(), kWindow);
  EXPECT_EQ(requests[0]->body.size(), kWindow);
  EXPECT_EQ(request->stream->unsent(), 500'000 - kWindow);

  request->stream->credit(kWindow);
  exchange();
  EXPECT_EQ(request->body.size(), 2 * kWindow);
  EXPECT_EQ(requests[0]->body.size(), kWindow);
}

TEST_F(Http2SessionTest, StoppedStreamsDoNotStopOthers) {
  on_request = [](Record& record) {
    record.stream->send_response({200, {}}, false);
    record.stream->send_body(std::string(1 << 20, 'x'));
    record.stream->send_end();
  };
  std::vector<std::shared_ptr<Record>> stopped;
  for (int i = 0; i < 90; ++i) {  // 90 windows of 128 KiB: more than the connection's window
    stopped.push_back(start(get(), true));
    stopped.back()->credits = false;
  }
  exchange();
  auto free = start(get(), true);
  exchange();
  EXPECT_EQ(free->body.size(), 1u << 20);
  EXPECT_TRUE(free->ended);
  for (auto& record : stopped) EXPECT_EQ(record->body.size(), 128u << 10);
}

#ifdef RINGSIDE_COUNTS_MEMORY
TEST_F(Http2SessionTest, LongStreamNeedsTheMemoryOfItsWindow) {
  // A sender that keeps its queue filled, as the sidecar does: it sends as much as has been taken.
  auto request = start(get(), true);
  exchange();
  Record& sender = *requests[0];
  sender.hook = [&, reported = size_t(0)](const std::string& call) mutable {
    if (call != "sent") return;
    sender.stream->send_body(std::string(sender.sent - reported, 'x'));
    reported = sender.sent;
  };
  sender.stream->send_response({200, {}}, false);
  sender.stream->send_body(std::string(256 << 10, 'x'));
  request->hook = [&](const std::string&) { request->body.clear(); };
  for (int i = 0; i < 20; ++i) move(*server, *client, 1 << 20), move(*client, *server, 1 << 20);
  size_t before = __sanitizer_get_current_allocated_bytes();
  for (int i = 0; i < 500; ++i) move(*server, *client, 1 << 20), move(*client, *server, 1 << 20);
  EXPECT_GT(sender.sent, 10u << 20);
  EXPECT_LT(__sanitizer_get_current_allocated_bytes(), before + (1 << 20));
}
#endif

TEST_F(Http2SessionTest, ResponseBeforeTheRequestHasEnded) {
  struct Case {
    std::string name;
    std::function<void(Stream&)> answer;
  };
  const Case cases[] = {
      {"without body", [](Stream& stream) { stream.send_response({413, {}}, true); }},
      {"with body",
       [](Stream& stream) {
         stream.send_response({413, {}}, false);
         stream.send_body("too large");
         stream.send_end();
       }},
      {"with trailers",
       [](Stream& stream) {
         stream.send_response({413, {}}, false);
         stream.send_body("too large");
         stream.send_end({{"x-t", "1"}});
       }},
  };
  for (const Case& c : cases) {
    for (bool drop : {false, true}) {
      SCOPED_TRACE(c.name + (drop ? ", dropped" : ""));
      on_request = [&](Record& record) {
        c.answer(*record.stream);
        record.credits = false;
        if (drop) record.stream.reset();
      };
      auto request = start(post(), false);
      request->stream->send_body(std::string(1 << 20, 'x'));
      exchange();
      ASSERT_TRUE(request->response);
      EXPECT_EQ(request->response->status, 413);
      EXPECT_TRUE(request->ended);
      // What is left of the request is not wanted: the stream is over on both sides.
      EXPECT_TRUE(request->closed);
      EXPECT_EQ(client->open_streams() + server->open_streams(), 0u);
      EXPECT_TRUE(requests.back()->handler_destroyed);
    }
  }
}

TEST_F(Http2SessionTest, ResetByEitherSideInEachState) {
  // How far the exchange has come when it is reset.
  const std::vector<std::string> states = {"started",       "accepted",       "request body",
                                           "request ended", "response begun", "response body"};
  for (size_t state = 0; state < states.size(); ++state) {
    for (std::string who : {"client resets", "client drops", "server resets", "server drops"}) {
      SCOPED_TRACE(states[state] + ", " + who);
      requests.clear();
      auto request = start(post(), false);
      if (state >= 1) exchange();
      if (state >= 2) request->stream->send_body("part"), exchange();
      if (state >= 3) request->stream->send_end(), exchange();
      if (state >= 4) requests[0]->stream->send_response({200, {}}, false), exchange();
      if (state >= 5) requests[0]->stream->send_body("part"), exchange();
      bool by_client = who.starts_with("client");
      if (!by_client && requests.empty()) {
        request->stream->reset();
        continue;
      }
      Record& resetter = by_client ? *request : *requests[0];
      if (who.ends_with("resets")) {
        resetter.stream->reset();
      } else {
        resetter.stream.reset();
      }
      exchange();
      EXPECT_FALSE(resetter.closed);
      if (by_client && state == 0) {
        EXPECT_TRUE(requests.empty());  // never sent
      } else {
        Record& other = by_client ? *requests[0] : *request;
        ASSERT_TRUE(other.closed);
        EXPECT_EQ(other.closed->kind, ErrorKind::kCancelled);
        EXPECT_EQ(other.calls.back(), "closed");
        EXPECT_TRUE(requests[0]->handler_destroyed);
      }
      EXPECT_EQ(client->open_streams() + server->open_streams(), 0u);
    }
  }
}

TEST_F(Http2SessionTest, StreamDroppedInEachCallback) {
  for (std::string call : {"response", "body", "end", "sent", "closed"}) {
    for (bool at_server : {false, true}) {
      SCOPED_TRACE(call + (at_server ? " at the server" : " at the client"));
      requests.clear();
      auto drop_at = [call](Record& record) {
        record.hook = [&record, call](const std::string& now) {
          if (now == call) record.stream.reset();
        };
      };
      on_request = [&](Record& record) {
        if (at_server) drop_at(record);
      };
      auto request = start(post(), false);
      if (!at_server) drop_at(*request);
      request->stream->send_body("up");
      exchange(1);
      auto still = [&](Record& record) { return record.stream != nullptr && !record.closed; };
      if (still(*request)) request->stream->send_end();
      exchange(1);
      if (still(*requests[0])) requests[0]->stream->send_response({200, {}}, false);
      exchange(1);
      if (still(*requests[0])) requests[0]->stream->send_body("down");
      exchange(1);
      if (call == "closed" && still(*requests[0])) (at_server ? request : requests[0])->stream->reset();
      if (still(*requests[0])) requests[0]->stream->send_end();
      exchange(1);
      Record& dropper = at_server ? *requests[0] : *request;
      if (call != "response" || !at_server) {
        ASSERT_FALSE(dropper.calls.empty());
        EXPECT_EQ(dropper.calls.back(), call);
      }
      EXPECT_EQ(client->open_streams() + server->open_streams(), 0u);
    }
  }
}

TEST_F(Http2SessionTest, AnswerFromWithinTheAcceptorAndDropped) {
  on_request = [](Record& record) {
    record.stream->send_response({200, {}}, false);
    record.stream->send_body(std::string(300'000, 'x'));
    record.stream->send_end();
    record.stream.reset();
  };
  auto request = start(get(), true);
  exchange();
  EXPECT_EQ(request->body.size(), 300'000u);
  EXPECT_TRUE(request->ended);
  EXPECT_FALSE(request->closed);
  EXPECT_TRUE(requests[0]->calls.empty());
}

TEST_F(Http2SessionTest, StatusesWithoutBodyAndHead) {
  on_request = [](Record& record) {
    int status = record.request.path == "/204" ? 204 : record.request.path == "/304" ? 304 : 200;
    record.stream->send_response({status, {}}, true);
  };
  for (std::string path : {"/204", "/304", "/head"}) {
    RequestHead head = get(path);
    if (path == "/head") head.method = "HEAD";
    auto request = start(head, true);
    exchange();
    ASSERT_TRUE(request->response) << path;
    EXPECT_TRUE(request->ended);
    EXPECT_EQ(request->body, "");
  }
}

TEST_F(Http2SessionTest, ConnectionFieldsAreDropped) {
  RequestHead head = get();
  head.headers = {{"connection", "close, x-hop"},
                  {"keep-alive", "1"},
                  {"proxy-connection", "x"},
                  {"transfer-encoding", "chunked"},
                  {"upgrade", "h2c"},
                  {"host", "other"},
                  {"te", "gzip"},
                  {"x-hop", "1"},
                  {"x-kept", "1"}};
  auto request = start(head, true);
  exchange();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0]->request.headers.size(), 1u);
  EXPECT_EQ(requests[0]->request.headers.get("x-kept"), "1");
  EXPECT_EQ(requests[0]->request.authority, "api");
  requests[0]->stream->send_response({200, {{"connection", "close"}, {"x", "y"}}}, true);
  exchange();
  EXPECT_EQ(request->response->headers.size(), 1u);

  head.headers = {{"te", "trailers"}};
  start(head, true);
  exchange();
  EXPECT_EQ(requests[1]->request.headers.get("te"), "trailers");
}

TEST_F(Http2SessionTest, HeadThatIsTooLargeIsAnsweredAndTheConnectionGoesOn) {
  connect({.max_header_bytes = 2000}, {});
  RequestHead head = get();
  head.headers.add("x", std::string(3000, 'x'));
  head.headers.add("y", "z");
  auto large = start(head, true), with_body = start(head, false), small = start(get(), true);
  exchange();
  for (auto& record : {large, with_body}) {
    ASSERT_TRUE(record->response);
    EXPECT_EQ(record->response->status, 431);
    EXPECT_TRUE(record->ended);
  }
  ASSERT_EQ(requests.size(), 1u);
  requests[0]->stream->send_response({200, {}}, true);
  exchange();
  EXPECT_TRUE(small->ended);
  EXPECT_EQ(server->open_streams(), 0u);
}

TEST_F(Http2SessionTest, AnswersHeadThatIsTooLargeEndsThatStreamOnly) {
  connect({}, {.max_header_bytes = 2000});
  auto large = start(get(), true), small = start(get(), true);
  exchange();
  requests[0]->stream->send_response({200, {{"x", std::string(3000, 'x')}}}, true);
  requests[1]->stream->send_response({200, {}}, true);
  exchange();
  EXPECT_FALSE(large->response);
  EXPECT_TRUE(large->closed);
  EXPECT_TRUE(small->ended);
}

// Many times the frames into which a head may be cut, in both directions, and up to the last byte.
TEST_F(Http2SessionTest, LargeHeads) {
  struct Case {
    size_t limit, piece;
  };
  for (auto [limit, piece] : {Case{100 << 10, 1}, Case{1 << 20, 1000}, Case{1 << 20, 1 << 20}}) {
    connect({.max_header_bytes = limit}, {.max_header_bytes = limit});
    RequestHead head = get();
    while (header_list_size(head) < limit - 50'000) head.headers.add("x", std::string(40'000, '~'));
    head.headers.add("y", "");
    head.headers.set("y", std::string(limit - header_list_size(head), '~'));
    auto request = start(head, true);
    exchange(piece);
    ASSERT_FALSE(requests.empty());
    ASSERT_EQ(requests.back()->request.headers.size(), head.headers.size());
    requests.back()->stream->send_response({200, head.headers}, true);
    exchange(piece);
    ASSERT_TRUE(request->response);
    EXPECT_EQ(request->response->headers.size(), head.headers.size());

    head.headers.set("y", std::string(head.headers.get("y")->size() + 1, '~'));
    auto larger = start(head, true);
    exchange(piece);
    ASSERT_TRUE(larger->response);
    EXPECT_EQ(larger->response->status, 431);
    requests.clear();
  }
}

// nghttp2's own limit, which cannot be set.
TEST_F(Http2SessionTest, FieldOver64KiBEndsTheConnection) {
  for (size_t size : {64 << 10, (64 << 10) + 1}) {
    connect({.max_header_bytes = 1 << 20}, {.max_header_bytes = 1 << 20});
    RequestHead head = get();
    head.headers.add("x", std::string(size, '~'));
    start(head, true);
    exchange();
    EXPECT_EQ(client->draining(), size > 64 << 10);
  }
}

TEST_F(Http2SessionTest, HeadWithoutRoomIsAnsweredAndTheConnectionGoesOn) {
  HeadBudget::Share other(&budget);
  ASSERT_TRUE(other.try_hold(HeadBudget::kFree + 100'000));
  connect({.max_header_bytes = 1 << 20, .head_budget = &budget}, {.max_header_bytes = 1 << 20});
  RequestHead head = get();
  for (int i = 0; i < 5; ++i) head.headers.add("x", std::string(30'000, '~'));
  auto large = start(head, true), small = start(get(), true);
  exchange();
  ASSERT_TRUE(large->response);
  EXPECT_EQ(large->response->status, 503);
  EXPECT_EQ(requests.size(), 1u);
  other.release();
  for (int i = 0; i < 10; ++i) {  // what is complete is in the budget no more
    start(head, true);
    exchange();
    EXPECT_EQ(requests.size(), size_t(i) + 2);
  }
}

TEST_F(Http2SessionTest, ContentLengthThatDoesNotFitIsAnError) {
  RequestHead head = post();
  head.headers.add("content-length", "5");
  auto request = start(head, false);
  request->stream->send_body("too many");
  request->stream->send_end();
  exchange();
  EXPECT_TRUE(request->closed);
  EXPECT_TRUE(requests[0]->closed);
  EXPECT_FALSE(requests[0]->ended);
}

TEST_F(Http2SessionTest, PathsThatAreNoPathsAreRefused) {
  for (std::string path : {"http://x/", "x", "*"}) {
    auto request = start(get(path), true);
    exchange();
    EXPECT_TRUE(request->closed) << path;
    EXPECT_TRUE(requests.empty()) << path;
  }
  start({.method = "OPTIONS", .authority = "api", .path = "*", .headers = {}}, true);
  exchange();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0]->request.path, "*");
}

TEST_F(Http2SessionTest, DrainLetsOpenStreamsEndAndRefusesTheRest) {
  auto open = start(post(), false);
  exchange();
  server->drain();
  // In the same turn, before the GOAWAY is on its way, a request comes that it does not name.
  auto late = start(get(), true);
  move(*client, *server, 1 << 20);
  exchange();
  EXPECT_TRUE(client->draining());
  EXPECT_FALSE(client->can_start());
  if (requests.size() == 2) {  // it made it before the GOAWAY: then it is not refused
    EXPECT_FALSE(late->closed);
    requests[1]->stream->send_response({200, {}}, true);
  }
  open->stream->send_end();
  exchange();
  requests[0]->stream->send_response({200, {}}, true);
  exchange();
  EXPECT_TRUE(open->ended);
  EXPECT_FALSE(open->closed);
  EXPECT_EQ(client->open_streams() + server->open_streams(), 0u);
}

TEST_F(Http2SessionTest, RequestsThatTheGoawayDoesNotCoverAreRefused) {
  exchange();
  server->drain();
  std::string goaway;
  server->take_output(goaway, 1 << 20);
  auto late = start(get(), true);    // sent before the GOAWAY arrives
  auto queued = start(get(), true);  // not sent yet
  std::string sent;
  client->take_output(sent, 1);
  ASSERT_TRUE(client->receive(goaway));
  ASSERT_TRUE(server->receive(sent));
  exchange();
  for (auto& record : {late, queued}) {
    ASSERT_TRUE(record->closed);
    EXPECT_EQ(record->closed->kind, ErrorKind::kRefused);
  }
  EXPECT_TRUE(requests.empty());
  EXPECT_EQ(client->open_streams(), 0u);
}

TEST_F(Http2SessionTest, PeersLimitOfStreamsIsKept) {
  connect({.max_concurrent_streams = 3}, {});
  exchange();
  std::vector<std::shared_ptr<Record>> open;
  while (client->can_start()) open.push_back(start(get(), true));
  EXPECT_EQ(open.size(), 3u);
  handlers.push_back(std::make_unique<RecordingHandler>(std::make_shared<Record>()));
  EXPECT_EQ(client->start(get(), true, *handlers.back()), nullptr);
  exchange();
  requests[0]->stream->send_response({200, {}}, true);
  exchange();
  EXPECT_TRUE(client->can_start());
}

TEST_F(Http2SessionTest, StreamsStartedBeforeTheLimitWasKnownWait) {
  connect({.max_concurrent_streams = 3}, {});
  std::vector<std::shared_ptr<Record>> open;
  for (int i = 0; i < 10; ++i) open.push_back(start(get(), true));
  on_request = [](Record& record) { record.stream->send_response({200, {}}, true); };
  exchange();
  for (auto& record : open) EXPECT_TRUE(record->ended || record->closed->kind == ErrorKind::kRefused);
  EXPECT_EQ(client->open_streams(), 0u);
}

TEST_F(Http2SessionTest, FailClosesEveryStreamAndHandlersMayDropOthers) {
  std::vector<std::shared_ptr<Record>> records;
  for (int i = 0; i < 5; ++i) records.push_back(start(post(), false));
  exchange();
  records[0]->hook = [&](const std::string& call) {
    if (call == "closed") records[3]->stream.reset(), records[0]->stream.reset();
  };
  client->fail({ErrorKind::kDisconnected, "cut"});
  EXPECT_EQ(client->open_streams(), 0u);
  for (int i : {0, 1, 2, 4}) EXPECT_EQ(records[i]->closed->kind, ErrorKind::kDisconnected) << i;
  EXPECT_FALSE(records[3]->closed);
  records[1]->stream->send_body("late");  // harmless
  records[1]->stream->credit(10);
  records[1]->stream->send_end();
  EXPECT_EQ(records[1]->stream->unsent(), 0u);
}

TEST_F(Http2SessionTest, SessionGoneBeforeItsStreams) {
  auto request = start(post(), false);
  exchange();
  client.reset();
  server.reset();
  EXPECT_FALSE(request->closed);
  request->stream->send_body("late");
  request->stream->reset();
  requests[0]->stream->send_response({200, {}}, true);
}

TEST_F(Http2SessionTest, GarbageIsAnErrorAndAGoaway) {
  std::string out;
  server->take_output(out, 1 << 20);
  EXPECT_FALSE(server->receive("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
}

TEST_F(Http2SessionTest, InterimResponsesAreDropped) {
  // HEADERS :status 103, then :status 200 with END_STREAM, literal without indexing (RFC 7541 section 6.2.2).
  auto request = start(get(), true);
  exchange();
  auto frame = [](std::string status, char flags) {
    std::string block = std::string("\x08\x03", 2) + status;
    return std::string("\0\0", 2) + char(block.size()) + std::string("\x01", 1) + flags + std::string("\0\0\0\x01", 4) +
           block;
  };
  ASSERT_TRUE(client->receive(frame("103", '\x04')));
  EXPECT_FALSE(request->response);
  ASSERT_TRUE(client->receive(frame("200", '\x05')));
  ASSERT_TRUE(request->response);
  EXPECT_EQ(request->response->status, 200);
  EXPECT_TRUE(request->ended);
}

}  // namespace
}  // namespace ringside::http
