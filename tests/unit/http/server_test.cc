#include "http/server.h"

#include <gtest/gtest.h>

#include "event/async.h"
#include "event/libevent_loop.h"
#include "http/client.h"
#include "net/tcp.h"
#include "net/x509.h"
#include "tests/support/raw_peer.h"
#include "tests/support/recording_handler.h"
#include "tests/support/run_task.h"

namespace ringside::http {
namespace {

using ringside::testing::RawPeer;
using ringside::testing::Record;
using ringside::testing::recording_acceptor;
using ringside::testing::Started;
using std::chrono::hours;
using std::chrono::milliseconds;

event::Task<Response> echo(const Request& request) {
  co_return text_response(200, request.head.path + request.body);
}

// A server and clients on 127.0.0.1, in one loop.
class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    WallTime now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
    ca = net::make_ca("ca", now, hours(24)).value();
    identity = net::issue_serving_certificate(ca, {"127.0.0.1"}, now, hours(24)).value();
    server_tls = net::TlsServerContext::create(identity, {"h2", "http/1.1"}).value();
  }

  // Until the condition holds; a test that hangs is stopped by its time-out.
  void run_until(std::function<bool()> condition) {
    auto tick = loop.timer([] {});
    std::unique_ptr<event::TurnEnd> end = loop.turn_end([&] {
      if (condition()) return loop.stop();
      tick->arm(milliseconds(1));
      again->schedule();
    });
    again = end.get();
    end->schedule();
    loop.run();
  }

  std::shared_ptr<net::TlsClientContext> client_tls(std::vector<std::string> alpn = {"h2"}) {
    return net::TlsClientContext::create({.ca_pem = ca.certificate_pem, .identity = {}, .alpn = std::move(alpn)})
        .value();
  }
  std::unique_ptr<Client> client(uint16_t port) {
    return std::make_unique<Client>(loop, Logger(), tls_dialer(loop, "127.0.0.1", port, client_tls()),
                                    Client::Options{.authority = "127.0.0.1"});
  }
  Result<Response> fetch(Client& from, std::string path, std::string body = {}) {
    Started started(
        loop, from.fetch({.head = {.method = "POST", .authority = {}, .path = path, .headers = {}}, .body = body}));
    run_until([&] { return started.done(); });
    return std::move(started.result());
  }
  // For HTTP/1.1.
  std::unique_ptr<net::ByteStream> connect_stream(uint16_t port, bool tls) {
    Started connecting(loop, net::tcp_connect(loop, "127.0.0.1", port));
    run_until([&] { return connecting.done(); });
    auto stream = std::move(connecting.result().value());
    if (!tls) return stream;
    auto context = client_tls({"http/1.1"});
    Started shaking(loop, net::tls_connect(loop, std::move(stream), *context, "127.0.0.1"));
    run_until([&] { return shaking.done(); });
    return std::move(shaking.result().value().stream);
  }
  std::unique_ptr<RawPeer> connect(uint16_t port) { return std::make_unique<RawPeer>(connect_stream(port, false)); }

  event::LibeventLoop loop;
  event::TurnEnd* again = nullptr;
  net::CertificateAndKey ca, identity;
  std::shared_ptr<net::TlsServerContext> server_tls;
};

TEST_F(ServerTest, HttpTwoOverTls) {
  auto server = Server::listen(loop, Logger(), {.address = "127.0.0.1", .tls = server_tls}, Service(echo)).value();
  auto http = client(server->port());
  EXPECT_EQ(fetch(*http, "/a")->body, "/a");
  std::string body(3 << 20, 'x');
  EXPECT_TRUE(fetch(*http, "/", body)->body == "/" + body);
  EXPECT_EQ(server->open_connections(), 1u);
}

TEST_F(ServerTest, HttpOneOverTlsAndInTheClear) {
  for (bool tls : {false, true}) {
    ServerOptions options{.address = "127.0.0.1"};
    if (tls) options.tls = server_tls;
    auto server = Server::listen(loop, Logger(), options, Service(echo)).value();
    RawPeer peer(connect_stream(server->port(), tls));
    std::string body(1 << 20, 'x'), received;
    peer.send("POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
    run_until([&] {
      received += peer.take();
      return peer.saw_end() || peer.failed();
    });
    EXPECT_TRUE(received.ends_with("\r\n\r\n/" + body));
    run_until([&] { return server->open_connections() == 0; });
  }
}

TEST_F(ServerTest, HttpOneBodiesOfAllSizesInPieces) {
  for (bool tls : {false, true}) {
    ServerOptions options{.address = "127.0.0.1"};
    if (tls) options.tls = server_tls;
    auto server = Server::listen(loop, Logger(), options, Service(echo)).value();
    RawPeer peer(connect_stream(server->port(), tls));
    for (size_t piece : {700, 16'640, 50'000, 1'000'000}) {
      for (size_t size : {1, 16'384, 17'000, 34'000, 49'152, 66'000, 100'000, 131'072, 300'000}) {
        std::string body(size, 'x');
        std::string request =
            "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: " + std::to_string(size) + "\r\n\r\n" + body;
        std::string received;
        size_t sent = 0;
        run_until([&] {
          peer.send(request.substr(sent, piece));
          sent = std::min(sent + piece, request.size());
          received += peer.take();
          return received.ends_with("/" + body) || peer.failed() || peer.saw_end();
        });
        ASSERT_TRUE(received.ends_with("\r\n\r\n/" + body)) << tls << " " << piece << " " << size;
      }
    }
    peer.close();
    run_until([&] { return server->open_connections() == 0; });
  }
}

TEST_F(ServerTest, RefusalOfABigBodyArrives) {
  ServerOptions options{.address = "127.0.0.1"};
  options.limits.max_body_bytes = 1000;
  auto server = Server::listen(loop, Logger(), options, Service(echo)).value();
  auto peer = connect(server->port());
  peer->send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3000000\r\n\r\n" + std::string(3'000'000, 'x'));
  std::string received;
  run_until([&] { return (received += peer->take()).find("\r\n\r\n") != std::string::npos || peer->failed(); });
  EXPECT_TRUE(received.starts_with("HTTP/1.1 413 ")) << received;
}

TEST_F(ServerTest, DrainEndsConnectionsAndThoseOfTheHandshake) {
  std::vector<std::shared_ptr<Record>> requests;
  size_t reported = 99;
  auto server =
      Server::listen(loop, Logger(), {.address = "127.0.0.1", .tls = server_tls}, recording_acceptor(requests),
                     {.on_connections_changed = [&](size_t n) { reported = n; }})
          .value();
  auto http = client(server->port());
  Started started(loop,
                  http->fetch({.head = {.method = "GET", .authority = {}, .path = "/", .headers = {}}, .body = {}}));
  run_until([&] { return !requests.empty(); });
  EXPECT_EQ(reported, 1u);
  auto handshaking = connect(server->port());
  server->drain();
  requests[0]->stream->send_response({204, {}}, true);
  run_until([&] { return started.done() && server->open_connections() == 0; });
  EXPECT_EQ(started.result()->status, 204);
  EXPECT_EQ(reported, 0u);
  EXPECT_FALSE(fetch(*http, "/"));  // nobody listens
}

TEST_F(ServerTest, ConnectionsOverTheLimitAndSilentHandshakesAreClosed) {
  ServerOptions options{.address = "127.0.0.1", .tls = server_tls};
  options.limits.max_connections = 2;
  options.limits.head_timeout = milliseconds(200);
  auto server = Server::listen(loop, Logger(), options, Service(echo)).value();
  auto first = connect(server->port()), second = connect(server->port()), third = connect(server->port());
  run_until([&] { return third->saw_end() || third->failed(); });
  EXPECT_FALSE(first->saw_end());
  run_until([&] { return first->saw_end() && second->saw_end(); });
  auto http = client(server->port());
  EXPECT_TRUE(fetch(*http, "/"));
}

TEST_F(ServerTest, ClientsThatAnswerNoPingAreTold) {
  size_t unanswered = 0, open = 0;
  ServerObserver observer{.on_connections_changed = [&](size_t n) { open = n; },
                          .on_unanswered = [&] { ++unanswered; }};
  std::vector<std::shared_ptr<Record>> requests;
  ServerOptions options{.address = "127.0.0.1", .tls = server_tls};
  options.ping = {.interval = milliseconds(100), .timeout = milliseconds(120)};
  auto server = Server::listen(loop, Logger(), options, recording_acceptor(requests), observer).value();
  auto http = client(server->port());
  Started started(loop,
                  http->fetch({.head = {.method = "GET", .authority = {}, .path = "/", .headers = {}}, .body = {}}));
  run_until([&] { return !requests.empty(); });
  auto context = client_tls();
  Started connecting(loop, net::tcp_connect(loop, "127.0.0.1", server->port()));
  run_until([&] { return connecting.done(); });
  Started shaking(loop, net::tls_connect(loop, std::move(connecting.result().value()), *context, "127.0.0.1"));
  run_until([&] { return shaking.done(); });
  RawPeer silent(std::move(shaking.result().value().stream));
  run_until([&] { return silent.saw_end() || silent.failed(); });
  EXPECT_EQ(unanswered, 1u);
  EXPECT_EQ(open, 1u) << "the other one answers";
  EXPECT_FALSE(started.done());
}

TEST_F(ServerTest, ClientsOfHttpOneThatReadNothingAreTold) {
  size_t unanswered = 0, open = 0;
  ServerObserver observer{.on_connections_changed = [&](size_t n) { open = n; },
                          .on_unanswered = [&] { ++unanswered; }};
  std::vector<std::shared_ptr<Record>> requests;
  auto begin = [](Record& record) { record.stream->send_response({200, {}}, false); };
  ServerOptions options{.address = "127.0.0.1", .tls = server_tls};
  options.ping = {.interval = milliseconds(100), .timeout = milliseconds(600)};
  auto server = Server::listen(loop, Logger(), options, recording_acceptor(requests, begin), observer).value();
  auto context = client_tls({"http/1.1"});
  auto connect_to_it = [&] {
    Started connecting(loop, net::tcp_connect(loop, "127.0.0.1", server->port()));
    run_until([&] { return connecting.done(); });
    Started shaking(loop, net::tls_connect(loop, std::move(connecting.result().value()), *context, "127.0.0.1"));
    run_until([&] { return shaking.done(); });
    return std::make_unique<RawPeer>(std::move(shaking.result().value().stream));
  };
  auto watch = [&] {
    auto peer = connect_to_it();
    peer->send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    std::string head;
    run_until([&] { return (head += peer->take()).ends_with("\r\n\r\n"); });
    return peer;
  };
  auto run_for = [&](Duration duration) {
    auto over = loop.timer([&] { loop.stop(); });
    over->arm(duration);
    loop.run();
  };
  auto first = watch(), second = watch(), idle = connect_to_it();
  run_until([&] { return open == 3; });
  first->set_reading(false);  // with nothing to read but what the server sends in order to find out
  run_for(milliseconds(1100));
  EXPECT_EQ(open, 3u) << "the process reads on the other connection";
  second->set_reading(false);
  run_until([&] { return open == 0; });
  EXPECT_EQ(unanswered, 3u) << "the idle one is the same process's";
}

TEST_F(ServerTest, DestroyedWithOpenRequests) {
  std::vector<std::shared_ptr<Record>> requests;
  auto server =
      Server::listen(loop, Logger(), {.address = "127.0.0.1", .tls = server_tls}, recording_acceptor(requests)).value();
  auto http = client(server->port());
  Started started(loop,
                  http->fetch({.head = {.method = "GET", .authority = {}, .path = "/", .headers = {}}, .body = {}}));
  run_until([&] { return !requests.empty(); });
  server.reset();
  run_until([&] { return started.done(); });
  EXPECT_TRUE(requests[0]->closed);
  EXPECT_EQ(started.result().error().kind, ErrorKind::kDisconnected);
}

TEST_F(ServerTest, ServerThatSpeaksNoHttpTwoIsInvalid) {
  auto only_one = net::TlsServerContext::create(identity, {}).value();
  auto server = Server::listen(loop, Logger(), {.address = "127.0.0.1", .tls = only_one}, Service(echo)).value();
  auto http = client(server->port());
  auto got = fetch(*http, "/");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::kRefused);
}

TEST_F(ServerTest, PortInUseIsAnError) {
  auto server = Server::listen(loop, Logger(), {.address = "127.0.0.1"}, Service(echo)).value();
  EXPECT_FALSE(Server::listen(loop, Logger(), {.address = "127.0.0.1", .port = server->port()}, Service(echo)));
}

}  // namespace
}  // namespace ringside::http
