#include "http/http1_get.h"

#include <gtest/gtest.h>

#include "event/simulated_loop.h"
#include "net/pipe.h"
#include "tests/support/raw_peer.h"
#include "tests/support/run_task.h"

namespace ringside::http {
namespace {

using testing::RawPeer;
using testing::Started;

constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"
    "5\r\nhello\r\n1;x=y\r\n \r\n5\r\nworld\r\n0\r\n\r\n";

TEST(Http1ResponseTest, ReadsBothFramings) {
  auto sized = parse_http1_response("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nX-A: b\r\n\r\nabc");
  ASSERT_TRUE(sized) << sized.error().message;
  EXPECT_EQ(sized->status, 404);
  EXPECT_EQ(sized->headers.get("x-a"), "b");
  EXPECT_EQ(sized->body, "abc");
  auto chunked = parse_http1_response(kChunked);
  ASSERT_TRUE(chunked) << chunked.error().message;
  EXPECT_EQ(chunked->body, "hello world");
}

TEST(Http1ResponseTest, SkipsWhatIsInterim) {
  auto response = parse_http1_response("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "a");
}

TEST(Http1ResponseTest, TellsACutFromAnEnd) {
  for (size_t length = 0; length < kChunked.size(); ++length) {
    auto cut = parse_http1_response(kChunked.substr(0, length));
    ASSERT_FALSE(cut) << length;
    EXPECT_EQ(cut.error().kind, ErrorKind::kDisconnected) << length;
  }
  EXPECT_FALSE(parse_http1_response("HTTP/1.1 200 OK\r\n\r\nuntil the end"));
}

TEST(Http1ResponseTest, RefusesOtherProtocols) {
  for (std::string_view text : {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/2 200\r\n\r\n", "\x15\x03\x01 alert\r\n\r\n"}) {
    auto response = parse_http1_response(text);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::kInvalid) << text;
  }
}

class Http1GetTest : public ::testing::TestWithParam<size_t> {
 protected:
  void start(size_t max_bytes = 1000) {
    auto [client, server] = net::make_pipe(loop_, {.capacity = 64, .max_bytes_per_call = GetParam()});
    peer_ = std::make_unique<RawPeer>(std::move(server));
    RequestHead head{.method = "GET", .authority = "a:1", .path = "/metrics", .headers = {{"accept", "text/plain"}}};
    get_ = std::make_unique<Started<Result<Response>>>(loop_,
                                                       http1_get(loop_, std::move(client), std::move(head), max_bytes));
    loop_.run_ready();
  }

  event::SimulatedLoop loop_;
  std::unique_ptr<RawPeer> peer_;
  std::unique_ptr<Started<Result<Response>>> get_;
};

TEST_P(Http1GetTest, AsksAndReadsToTheEnd) {
  start();
  EXPECT_EQ(peer_->take(), "GET /metrics HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\naccept: text/plain\r\n\r\n");
  peer_->send(kChunked);
  loop_.run_ready();
  EXPECT_FALSE(get_->done());
  peer_->close();
  loop_.run_ready();
  ASSERT_TRUE(get_->done());
  ASSERT_TRUE(get_->result()) << get_->result().error().message;
  EXPECT_EQ(get_->result()->body, "hello world");
}

TEST_P(Http1GetTest, BoundsTheAnswer) {
  start(100);
  peer_->send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(200, 'x'));
  loop_.run_ready();
  ASSERT_TRUE(get_->done());
  EXPECT_EQ(get_->result().error().kind, ErrorKind::kInvalid);
}

TEST_P(Http1GetTest, IsCancelledAtAnyPoint) {
  start();
  get_.reset();
  loop_.run_ready();
  EXPECT_TRUE(peer_->saw_end());
}

INSTANTIATE_TEST_SUITE_P(Pieces, Http1GetTest, ::testing::Values(1, 1 << 20));

}  // namespace
}  // namespace ringside::http
