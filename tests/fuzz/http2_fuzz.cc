// Bytes to an HTTP/2 connection, as a server after the client's preface and as a client with requests under way: no
// crash, no endless loop, and every stream is closed in the end.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "event/simulated_loop.h"
#include "http/http2_connection.h"
#include "http/service_handler.h"
#include "net/pipe.h"
#include "tests/support/raw_peer.h"
#include "tests/support/recording_handler.h"

namespace {

using namespace ringside;

event::Task<http::Response> echo(const http::Request& request) {
  co_return http::text_response(200, request.body);
}

void as_server(std::string_view text) {
  event::SimulatedLoop loop;
  auto [here, there] = net::make_pipe(loop);
  auto accept = http::serve(loop, echo, {.max_body_bytes = 1000, .body_timeout = std::chrono::seconds(1)});
  std::unique_ptr<http::Http2Connection> connection;
  connection = std::make_unique<http::Http2Connection>(loop, std::move(here), http::Http2Connection::Options{}, accept,
                                                       nullptr, [&] { connection.reset(); });
  testing::RawPeer peer(std::move(there));
  peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  peer.send(std::string("\0\0\0\4\0\0\0\0\0", 9));  // SETTINGS
  peer.send(text);
  loop.run_ready();
  peer.close();
  loop.run_ready();
  if (connection) abort();
}

void as_client(std::string_view text) {
  event::SimulatedLoop loop;
  auto [here, there] = net::make_pipe(loop);
  http::Http2Connection::Options options;
  options.session.role = http::Http2Session::Role::kClient;
  std::unique_ptr<http::Http2Connection> connection;
  connection = std::make_unique<http::Http2Connection>(loop, std::move(here), options, nullptr, nullptr,
                                                       [&] { connection.reset(); });
  std::shared_ptr<testing::Record> records[3];
  std::unique_ptr<testing::RecordingHandler> handlers[3];
  for (int i = 0; i < 3; ++i) {
    records[i] = std::make_shared<testing::Record>();
    handlers[i] = std::make_unique<testing::RecordingHandler>(records[i]);
    records[i]->stream = connection->session().start(
        {.method = i == 2 ? "HEAD" : "POST", .authority = "a", .path = "/", .headers = {}}, i == 2, *handlers[i]);
    if (i == 1) records[i]->stream->send_body("body"), records[i]->stream->send_end();
  }
  testing::RawPeer peer(std::move(there));
  peer.send(std::string("\0\0\0\4\0\0\0\0\0", 9));
  peer.send(text);
  loop.run_ready();
  peer.close();
  loop.run_ready();
  if (connection) abort();
  for (auto& record : records) {
    if (!record->ended && !record->closed) abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  as_server(text);
  as_client(text);
  return 0;
}
