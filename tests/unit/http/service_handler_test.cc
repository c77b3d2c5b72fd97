#include "http/service_handler.h"

#include <gtest/gtest.h>

#include "event/async.h"
#include "event/simulated_loop.h"
#include "http/http1_connection.h"
#include "net/pipe.h"
#include "tests/support/pipe_server.h"
#include "tests/support/raw_peer.h"
#include "tests/support/run_task.h"

namespace ringside::http {
namespace {

using ringside::testing::PipeServer;
using ringside::testing::RawPeer;
using ringside::testing::run;
using ringside::testing::Started;
using std::chrono::seconds;

constexpr ServiceLimits kLimits{.max_body_bytes = 1000, .body_timeout = seconds(10)};

event::Task<Response> echo(const Request& request) {
  co_return text_response(200, request.head.method + " " + request.head.path + " " + request.body);
}

// A service behind HTTP/2 and HTTP/1.1.
struct World {
  explicit World(Service service)
      : acceptor(serve(loop, std::move(service), kLimits)),
        server(loop, acceptor),
        client(loop, Logger(), server.dialer(), Client::Options{.authority = "h"}) {
    auto [here, there] = net::make_pipe(loop);
    peer = std::make_unique<RawPeer>(std::move(there));
    http1 = std::make_unique<Http1Connection>(loop, std::move(here), Http1Connection::Options{}, acceptor,
                                              [this] { http1.reset(); });
  }
  Result<Response> fetch(std::string method, std::string body = {}) {
    return run(loop,
               client.fetch({.head = {.method = method, .authority = {}, .path = "/p", .headers = {}}, .body = body}));
  }
  std::string exchange(std::string text) {
    peer->send(text);
    loop.run_ready();
    return peer->take();
  }

  event::SimulatedLoop loop;
  StreamAcceptor acceptor;
  PipeServer server;
  Client client;
  std::unique_ptr<RawPeer> peer;
  std::unique_ptr<Http1Connection> http1;
};

TEST(ServiceHandlerTest, WholeRequestsAndAnswers) {
  World world(echo);
  EXPECT_EQ(world.fetch("GET")->body, "GET /p ");
  EXPECT_EQ(world.fetch("POST", "hello")->body, "POST /p hello");
  EXPECT_EQ(world.exchange("POST /p HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nhi"),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 10\r\n\r\nPOST /p hi");
}

TEST(ServiceHandlerTest, AnswersWithoutBody) {
  World world([](const Request& request) -> event::Task<Response> {
    Response response = text_response(200, "body");
    if (request.head.method == "DELETE") response.status = 204;
    co_return response;
  });
  for (std::string method : {"HEAD", "DELETE"}) {
    auto got = world.fetch(method);
    ASSERT_TRUE(got) << method << ": " << got.error().message;
    EXPECT_EQ(got->body, "");
    EXPECT_EQ(got->headers.get_or("content-length", "none"), method == "HEAD" ? "4" : "none");
    EXPECT_EQ(world.fetch("GET")->body, "body");
  }
  std::string end =
      "\r\n\r\nHTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 4\r\n\r\nbody";
  std::string get = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
  EXPECT_TRUE(world.exchange("HEAD / HTTP/1.1\r\nhost: h\r\n\r\n" + get).ends_with("content-length: 4" + end));
  EXPECT_TRUE(world.exchange("DELETE / HTTP/1.1\r\nhost: h\r\n\r\n" + get).ends_with("charset=utf-8" + end));
}

TEST(ServiceHandlerTest, TooLargeIs413AndTheServiceIsNotAsked) {
  int asked = 0;
  World world([&](const Request&) -> event::Task<Response> {
    ++asked;
    co_return text_response(200, "");
  });
  for (size_t size : {size_t(1001), size_t(500'000)}) {
    auto got = world.fetch("POST", std::string(size, 'x'));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->status, 413);
  }
  std::string chunked = "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n400\r\n";
  EXPECT_TRUE(world.exchange(chunked + std::string(1024, 'x')).starts_with("HTTP/1.1 413 "));
  EXPECT_EQ(asked, 0);
}

TEST(ServiceHandlerTest, SlowBodyIs408) {
  World world(echo);
  EXPECT_EQ(world.exchange("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nh"), "");
  world.loop.advance(seconds(10));
  EXPECT_TRUE(world.peer->take().starts_with("HTTP/1.1 408 "));
  world.loop.advance(seconds(10));
  EXPECT_TRUE(world.peer->saw_end());
}

TEST(ServiceHandlerTest, ClientThatGoesAwayCancelsTheService) {
  int began = 0, ended = 0;
  bool cancelled = false;
  World* here = nullptr;
  World world([&](const Request&) -> event::Task<Response> {
    struct Guard {
      bool& flag;
      ~Guard() { flag = true; }
    } guard{cancelled};
    ++began;
    co_await event::sleep(here->loop, seconds(60));
    ++ended;
    co_return text_response(200, "");
  });
  here = &world;
  {
    Started fetch(
        world.loop,
        world.client.fetch({.head = {.method = "GET", .authority = {}, .path = "/", .headers = {}}, .body = {}}));
    world.loop.run_ready();
    EXPECT_EQ(began, 1);
    EXPECT_FALSE(cancelled);
  }
  world.loop.run_ready();
  EXPECT_TRUE(cancelled);

  cancelled = false;
  world.exchange("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  EXPECT_EQ(began, 2);
  world.peer->close();
  world.loop.run_ready();
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(ended, 0);
}

TEST(ServiceHandlerTest, RequestLivesAsLongAsTheService) {
  World* here = nullptr;
  World world([&](const Request& request) -> event::Task<Response> {
    co_await event::sleep(here->loop, seconds(1));
    co_return text_response(200, request.body);
  });
  here = &world;
  Started fetch(world.loop, world.client.fetch({.head = {.method = "POST", .authority = {}, .path = "/", .headers = {}},
                                                .body = "x"}));
  world.loop.advance(seconds(1));
  ASSERT_TRUE(fetch.done());
  EXPECT_EQ(fetch.result()->body, "x");
}

}  // namespace
}  // namespace ringside::http
