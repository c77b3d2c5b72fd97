#include "http/upgrade.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "event/async.h"
#include "event/simulated_loop.h"
#include "http/http1_connection.h"
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string k101 = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n";

RequestHead exec_request() {
  return {.method = "POST",
          .authority = "127.0.0.1:16443",
          .path = "/api/v1/namespaces/ns/pods/x/exec?command=ls",
          .headers = {{"connection", "keep-alive, Upgrade, X-Hop"},
                      {"upgrade", "SPDY/3.1"},
                      {"authorization", "Bearer t"},
                      {"x-stream-protocol-version", "v5.channel.k8s.io"},
                      {"x-stream-protocol-version", "v4.channel.k8s.io"},
                      {"x-hop", "1"},
                      {"keep-alive", "timeout=5"},
                      {"te", "trailers"}}};
}

TEST(IsUpgradeRequest, NeedsBothFields) {
  EXPECT_TRUE(is_upgrade_request({{"upgrade", "websocket"}, {"connection", "Upgrade"}}));
  EXPECT_TRUE(is_upgrade_request({{"connection", "close"}, {"connection", "a, UPGRADE"}, {"upgrade", "x"}}));
  EXPECT_FALSE(is_upgrade_request({{"upgrade", "websocket"}}));
  EXPECT_FALSE(is_upgrade_request({{"connection", "Upgrade"}}));
  EXPECT_FALSE(is_upgrade_request({{"upgrade", "websocket"}, {"connection", "upgraded"}}));
}

// The client against bytes.
class UpgradeClientTest : public ::testing::TestWithParam<size_t> {
 protected:
  void start(RequestHead head = exec_request(), UpgradeClient::Options options = {.authority = "api:443"}) {
    auto dial = [this]() -> event::Task<Result<std::unique_ptr<net::ByteStream>>> { return connect(); };
    UpgradeClient client(loop_, dial, options);  // its streams may outlive it
    handler_ = std::make_unique<RecordingHandler>(record_);
    record_->stream = client.start(std::move(head), *handler_);
    loop_.run_ready();
  }
  void receive(std::string_view bytes) {
    peer_->send(bytes);
    loop_.run_ready();
  }
  event::Task<Result<std::unique_ptr<net::ByteStream>>> connect() {
    if (hang_) co_await event::sleep(loop_, std::chrono::hours(1));
    if (refuse_) co_return failure(ErrorKind::kDisconnected, "TLS: no");
    auto [client, server] = net::make_pipe(loop_, {.capacity = capacity_, .max_bytes_per_call = GetParam()});
    peer_ = std::make_unique<RawPeer>(std::move(server));
    co_return std::move(client);
  }

  event::SimulatedLoop loop_;
  std::shared_ptr<Record> record_ = std::make_shared<Record>();
  std::unique_ptr<RecordingHandler> handler_;
  std::unique_ptr<RawPeer> peer_;
  size_t capacity_ = 64;
  bool refuse_ = false, hang_ = false;
};

TEST_P(UpgradeClientTest, SendsWhatMattersToTheServer) {
  start();
  EXPECT_EQ(peer_->take(),
            "POST /api/v1/namespaces/ns/pods/x/exec?command=ls HTTP/1.1\r\nhost: api:443\r\nconnection: Upgrade\r\n"
            "upgrade: SPDY/3.1\r\nauthorization: Bearer t\r\nx-stream-protocol-version: v5.channel.k8s.io\r\n"
            "x-stream-protocol-version: v4.channel.k8s.io\r\n\r\n");
}

TEST_P(UpgradeClientTest, CarriesBytesOnceSwitched) {
  start();
  record_->stream->send_body("too early");
  peer_->take();
  receive("HTTP/1.1 100 Continue\r\n\r\n" + k101 + "from the server");
  ASSERT_TRUE(record_->response);
  EXPECT_EQ(record_->response->status, 101);
  EXPECT_EQ(record_->response->headers.get("upgrade"), "SPDY/3.1");
  EXPECT_EQ(record_->body, "from the server");
  record_->stream->send_body("from the client");
  loop_.run_ready();
  EXPECT_EQ(peer_->take(), "from the client");
  EXPECT_EQ(record_->sent, 15u);
  record_->stream->send_end();
  receive("last words");
  EXPECT_TRUE(peer_->saw_end());
  EXPECT_FALSE(record_->ended);
  peer_->end();
  loop_.run_ready();
  EXPECT_EQ(record_->body, "from the serverlast words");
  EXPECT_TRUE(record_->ended);
  EXPECT_FALSE(record_->closed);
  EXPECT_THAT(record_->calls, ElementsAre("response", "body", "sent", "body", "end"));
}

TEST_P(UpgradeClientTest, TheServerMayEndFirst) {
  start();
  receive(k101);
  peer_->end();
  loop_.run_ready();
  EXPECT_TRUE(record_->ended);
  record_->stream->send_body("still listening?");
  record_->stream->send_end();
  loop_.run_ready();
  EXPECT_THAT(peer_->take(), HasSubstr("still listening?"));
  EXPECT_TRUE(peer_->saw_end());
  EXPECT_FALSE(record_->closed);
}

TEST_P(UpgradeClientTest, ARefusalIsAResponseLikeAnyOther) {
  start();
  receive(
      "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
  ASSERT_TRUE(record_->response);
  EXPECT_EQ(record_->response->status, 403);
  EXPECT_EQ(record_->response->headers.get("content-type"), "application/json");
  EXPECT_EQ(record_->body, "{}");
  EXPECT_TRUE(record_->ended);
  EXPECT_TRUE(peer_->saw_end());  // the connection ends with its request
  loop_.advance(seconds(1));
  EXPECT_THAT(record_->calls, ElementsAre("response", "body", "end"));
}

TEST_P(UpgradeClientTest, BothDirectionsAreHeldBack) {
  start(exec_request(), {.authority = "api", .window = 100});
  record_->credits = false;
  receive(k101 + std::string(1000, 'x'));
  EXPECT_LE(record_->body.size(), 100u);
  peer_->take();
  peer_->set_reading(false);
  record_->stream->send_body(std::string(1000, 'y'));
  loop_.run_ready();
  EXPECT_EQ(record_->stream->unsent(), 1000 - capacity_);
  EXPECT_EQ(record_->sent, capacity_);
  record_->stream->credit(record_->body.size());
  record_->credits = true;
  peer_->set_reading(true);
  loop_.run_ready();
  EXPECT_EQ(record_->body.size(), 1000u);
  EXPECT_EQ(record_->sent, 1000u);
}

// A server that ignores what is asked for answers with a body of any length.
TEST_P(UpgradeClientTest, TheBodyOfAPlainAnswerIsHeldBackToo) {
  start(exec_request(), {.authority = "api", .window = 100});
  record_->credits = false;
  std::string chunks;
  for (int i = 0; i < 500; ++i) chunks += "2\r\nxx\r\n";
  receive("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n");
  EXPECT_LE(record_->body.size(), 100u);
  record_->credits = true;
  record_->stream->credit(record_->body.size());
  loop_.run_ready();
  EXPECT_EQ(record_->body.size(), 1000u);
  EXPECT_TRUE(record_->ended);
}

TEST_P(UpgradeClientTest, FailuresSayWhetherTheServerMayHaveSeenIt) {
  refuse_ = true;
  start();
  ASSERT_TRUE(record_->closed);
  EXPECT_EQ(record_->closed->kind, ErrorKind::kRefused);

  refuse_ = false;
  record_ = std::make_shared<Record>();
  start();
  peer_->close();
  loop_.run_ready();
  ASSERT_TRUE(record_->closed);
  EXPECT_EQ(record_->closed->kind, ErrorKind::kDisconnected);

  record_ = std::make_shared<Record>();
  start();
  receive("SSH-2.0-OpenSSH\r\n\r\n");
  ASSERT_TRUE(record_->closed);
  EXPECT_EQ(record_->closed->kind, ErrorKind::kInvalid);
  EXPECT_THAT(record_->calls, ElementsAre("closed"));

  hang_ = true;
  record_ = std::make_shared<Record>();
  start();
  loop_.advance(seconds(5));
  ASSERT_TRUE(record_->closed);
  EXPECT_EQ(record_->closed->kind, ErrorKind::kRefused);
}

TEST_P(UpgradeClientTest, AConnectionThatBreaksIsTold) {
  start();
  receive(k101);
  peer_->close();
  record_->stream->send_body("into the void");
  loop_.run_ready();
  EXPECT_TRUE(record_->closed || record_->ended);
}

TEST_P(UpgradeClientTest, MayBeDestroyedInEveryCallAndState) {
  for (std::string where : {"response", "body", "sent", "end", "closed"}) {
    record_ = std::make_shared<Record>();
    record_->hook = [this, where](const std::string& call) {
      if (call == where) record_->stream.reset();
    };
    refuse_ = where == "closed";
    start();
    if (refuse_) continue;
    receive(k101 + "hello");
    if (record_->stream) record_->stream->send_body("hello");
    loop_.run_ready();
    peer_->end();
    loop_.run_ready();
    EXPECT_FALSE(record_->stream) << where;
    EXPECT_TRUE(peer_->saw_end()) << where;
  }
  record_ = std::make_shared<Record>();
  record_->hook = [this](const std::string& call) {
    if (call == "body") record_->stream.reset();
  };
  start();
  receive("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_FALSE(record_->ended);
  hang_ = true;
  record_ = std::make_shared<Record>();
  start();
  record_->stream.reset();
  loop_.advance(seconds(10));
  EXPECT_TRUE(record_->calls.empty());
}

INSTANTIATE_TEST_SUITE_P(Pieces, UpgradeClientTest, ::testing::Values(1, 1 << 20));

// The client against the server, which switches every request.
class TunnelTest : public ::testing::TestWithParam<size_t> {
 protected:
  void open(std::function<void(Record&)> on_request = accept_upgrade) {
    auto dial = [this]() -> event::Task<Result<std::unique_ptr<net::ByteStream>>> { return connect(); };
    on_request_ = std::move(on_request);
    handler_ = std::make_unique<RecordingHandler>(client_);
    client_->stream = UpgradeClient(loop_, dial, {.authority = "api"}).start(exec_request(), *handler_);
    loop_.run_ready();
  }
  static constexpr size_t kWindow = 1000;
  static void accept_upgrade(Record& record) {
    record.stream->send_response(
        {101, {{"upgrade", std::string(record.request.headers.get_or("upgrade", ""))}, {"content-length", "9"}}},
        false);
  }
  event::Task<Result<std::unique_ptr<net::ByteStream>>> connect() {
    auto [here, there] = net::make_pipe(loop_, {.capacity = 64, .max_bytes_per_call = GetParam()});
    connection_ =
        std::make_unique<Http1Connection>(loop_, std::move(there), Http1Connection::Options{.window = kWindow},
                                          recording_acceptor(requests_, on_request_), [this] { connection_.reset(); });
    co_return std::move(here);
  }
  Record& server() { return *requests_.at(0); }

  event::SimulatedLoop loop_;
  std::function<void(Record&)> on_request_;
  std::shared_ptr<Record> client_ = std::make_shared<Record>();
  std::unique_ptr<RecordingHandler> handler_;
  std::vector<std::shared_ptr<Record>> requests_;
  std::unique_ptr<Http1Connection> connection_;
};

TEST_P(TunnelTest, CarriesBytesBothWaysAndEnds) {
  open();
  ASSERT_TRUE(client_->response);
  EXPECT_EQ(client_->response->status, 101);
  EXPECT_EQ(client_->response->headers.get("upgrade"), "SPDY/3.1");
  EXPECT_EQ(client_->response->headers.get("connection"), "Upgrade");
  EXPECT_FALSE(client_->response->headers.get("content-length"));
  EXPECT_FALSE(server().has_body);
  std::string there(1000, 'a'), back(2000, 'b');
  client_->stream->send_body(there);
  server().stream->send_body(back);
  loop_.run_ready();
  EXPECT_EQ(server().body, there);
  EXPECT_EQ(client_->body, back);
  EXPECT_EQ(server().sent, 2000u);
  EXPECT_EQ(client_->sent, 1000u);
  client_->stream->send_end();
  loop_.run_ready();
  EXPECT_TRUE(server().ended);
  EXPECT_TRUE(connection_);
  server().stream->send_body("after the client's end");
  server().stream->send_end();
  loop_.run_ready();
  EXPECT_TRUE(client_->body.ends_with("after the client's end"));
  EXPECT_TRUE(client_->ended);
  EXPECT_FALSE(connection_);
  EXPECT_FALSE(server().closed);
  EXPECT_TRUE(server().handler_destroyed);
}

TEST_P(TunnelTest, TheServerMayEndFirst) {
  open([](Record& record) {
    accept_upgrade(record);
    record.stream->send_body("all of it");
    record.stream->send_end();
  });
  EXPECT_EQ(client_->body, "all of it");
  EXPECT_EQ(server().sent, 9u);
  EXPECT_TRUE(client_->ended);
  client_->stream->send_body("and mine");
  client_->stream->send_end();
  loop_.run_ready();
  EXPECT_EQ(server().body, "and mine");
  EXPECT_TRUE(server().ended);
  EXPECT_FALSE(connection_);
}

TEST_P(TunnelTest, TheServerIsHeldToItsWindow) {
  open();
  server().credits = false;
  client_->stream->send_body(std::string(5000, 'x'));
  loop_.run_ready();
  EXPECT_EQ(server().body.size(), kWindow);
  EXPECT_LE(client_->sent, kWindow + 64);
  server().stream->credit(50);
  loop_.run_ready();
  EXPECT_EQ(server().body.size(), kWindow + 50);
}

TEST_P(TunnelTest, AResetIsFeltOnTheOtherSide) {
  open();
  server().stream->reset();
  client_->stream->send_body("x");
  loop_.run_ready();
  EXPECT_FALSE(connection_);
  EXPECT_TRUE(client_->ended || client_->closed);

  requests_.clear();
  client_ = std::make_shared<Record>();
  open();
  client_->stream.reset();
  loop_.run_ready();
  EXPECT_TRUE(server().ended);
  server().stream->send_body("x");
  loop_.run_ready();
  EXPECT_TRUE(server().closed);
  EXPECT_FALSE(connection_);
}

TEST_P(TunnelTest, TheServersStreamMayGoInEveryCall) {
  for (std::string where : {"body", "sent", "end"}) {
    requests_.clear();
    client_ = std::make_shared<Record>();
    open([where](Record& record) {
      accept_upgrade(record);
      record.stream->send_body("hello");
      record.hook = [&record, where](const std::string& call) {
        if (call == where) record.stream.reset();
      };
    });
    client_->stream->send_body("hello");
    loop_.run_ready();
    client_->stream->send_end();
    loop_.run_ready();
    EXPECT_FALSE(connection_) << where;
  }
}

// What is sent is sent; what the client still says is nobody's.
TEST_P(TunnelTest, AStreamThatIsDroppedAfterItsEndIsNotCut) {
  open([](Record& record) {
    accept_upgrade(record);
    record.stream->send_body(std::string(1000, 'x'));
    record.stream->send_end();
    record.stream.reset();
  });
  EXPECT_EQ(client_->body.size(), 1000u);
  EXPECT_TRUE(client_->ended);
  client_->stream->send_body(std::string(1000, 'y'));
  loop_.run_ready();
  EXPECT_EQ(client_->sent, 1000u);
  EXPECT_TRUE(connection_);
  loop_.advance(seconds(5));
  EXPECT_FALSE(connection_);
}

TEST_P(TunnelTest, DrainLetsItGoOnAndDestructionEndsIt) {
  open();
  connection_->drain();
  server().stream->send_body("hello");
  loop_.run_ready();
  EXPECT_EQ(client_->body, "hello");
  connection_.reset();
  EXPECT_TRUE(server().closed);
  loop_.run_ready();
  EXPECT_TRUE(client_->ended);
}

TEST_P(TunnelTest, BytesSentBeforeTheSwitchAreTheTunnels) {
  auto [here, there] = net::make_pipe(loop_, {.capacity = 64, .max_bytes_per_call = GetParam()});
  connection_ = std::make_unique<Http1Connection>(loop_, std::move(there), Http1Connection::Options{},
                                                  recording_acceptor(requests_), [this] { connection_.reset(); });
  RawPeer peer(std::move(here));
  peer.send("GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nGET / HTTP/1.1 is not for us");
  loop_.run_ready();
  EXPECT_EQ(server().body, "");
  server().stream->send_response({101, {}}, false);
  loop_.run_ready();
  EXPECT_EQ(server().body, "GET / HTTP/1.1 is not for us");
  EXPECT_EQ(requests_.size(), 1u);
  EXPECT_EQ(peer.take(), "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n\r\n");
}

TEST_P(TunnelTest, ARequestWithABodyIsNotSwitched) {
  auto [here, there] = net::make_pipe(loop_, {.max_bytes_per_call = GetParam()});
  connection_ =
      std::make_unique<Http1Connection>(loop_, std::move(there), Http1Connection::Options{},
                                        recording_acceptor(requests_, accept_upgrade), [this] { connection_.reset(); });
  RawPeer peer(std::move(here));
  peer.send("POST / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: x\r\ncontent-length: 5\r\n\r\nab");
  loop_.run_ready();
  EXPECT_FALSE(connection_);
  EXPECT_THAT(peer.take(), Not(HasSubstr("101")));
}

INSTANTIATE_TEST_SUITE_P(Pieces, TunnelTest, ::testing::Values(1, 1 << 20));

}  // namespace
}  // namespace ringside::http
