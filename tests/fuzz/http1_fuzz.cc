// Bytes to an HTTP/1.1 connection whose handler answers everything: no crash, no endless loop, the connection ends, and
// the parser reads the same whatever the pieces.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "event/simulated_loop.h"
#include "http/http1_connection.h"
#include "http/http1_parser.h"
#include "http/service_handler.h"
#include "net/pipe.h"
#include "tests/support/raw_peer.h"

namespace {

using namespace ringside;

std::string parse(std::string_view text, size_t piece) {
  std::string seen;
  http::Http1RequestParser parser(4096, {.on_head =
                                             [&](http::RequestHead head, bool has_body) {
                                               bool is_path = head.path.starts_with('/');
                                               if (!is_path && !head.path.empty() && head.path != "*") abort();
                                               seen += head.method + " " + head.authority + head.path +
                                                       (has_body ? " body\n" : "\n");
                                               for (const auto& [name, value] : head.headers)
                                                 seen += name + ": " + value + "\n";
                                             },
                                         .on_body = [&](std::string_view bytes) { seen += bytes; },
                                         .on_end = [&] { seen += "\nend"; }});
  std::string input;
  for (size_t begin = 0; begin < text.size() && !parser.complete(); begin += piece) {
    input += text.substr(begin, piece);
    auto used = parser.feed(input);
    if (!used) return "error";
    input.erase(0, *used);
  }
  return seen;
}

// Of a chunked body that is cut short, up to four bytes behind a chunk's header wait for more if it came in pieces.
bool is_same(std::string_view in_pieces, std::string_view whole) {
  return whole.starts_with(in_pieces) && whole.size() - in_pieces.size() < 5;
}

event::Task<http::Response> echo(const http::Request& request) {
  co_return http::text_response(request.head.path == "/204" ? 204 : 200, request.body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string one = parse(text, 1), whole = parse(text, size + 1);
  // Pieces may be read further before an error is found.
  if (!is_same(one, whole) && one != "error" && whole != "error") abort();

  event::SimulatedLoop loop;
  auto [here, there] = net::make_pipe(loop);
  auto accept = http::serve(loop, echo, {.max_body_bytes = 1000, .body_timeout = std::chrono::seconds(1)});
  std::unique_ptr<http::Http1Connection> connection;
  connection = std::make_unique<http::Http1Connection>(loop, std::move(here),
                                                       http::Http1Connection::Options{.max_header_bytes = 4096}, accept,
                                                       [&] { connection.reset(); });
  testing::RawPeer peer(std::move(there));
  peer.send(text);
  loop.run_ready();
  peer.end();
  loop.advance(std::chrono::minutes(10));
  if (connection) abort();
  return 0;
}
