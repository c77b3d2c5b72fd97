#include "http/http2_session.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/http/http2_session_fixture.h"

namespace ringside::http {
namespace {

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

TEST_F(Http2SessionTest, GarbageIsAnErrorAndAGoaway) {
  std::string out;
  server->take_output(out, 1 << 20);
  EXPECT_FALSE(server->receive("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
}

}  // namespace
}  // namespace ringside::http
