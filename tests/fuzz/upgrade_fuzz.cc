// Any bytes as the answer to a request for an upgrade: no crash, the stream ends with the connection, and what is read
// is the same whatever the pieces.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "event/simulated_loop.h"
#include "http/upgrade.h"
#include "net/pipe.h"
#include "tests/support/raw_peer.h"

namespace {

using namespace ringside;

// Answers in bytes of its own, once switched, so that both directions run.
struct Handler : http::StreamHandler {
  void on_response(http::ResponseHead head) override {
    if (std::exchange(answered, true)) abort();
    seen += std::to_string(head.status) + "\n";
    for (const auto& [name, value] : head.headers) seen += name + ": " + value + "\n";
    if (head.status == 101) stream->send_body("ours");
  }
  void on_body(std::string_view bytes) override {
    if (!answered || over) abort();
    seen += bytes;
    stream->credit(bytes.size());
  }
  void on_end(http::Headers) override {
    if (!answered || std::exchange(over, true)) abort();
    seen += "\nend";
    stream->send_end();
  }
  void on_sent(size_t) override {}
  void on_closed(Error) override {
    if (std::exchange(closed, true)) abort();
    seen += "\nclosed";
  }

  std::unique_ptr<http::Stream> stream;
  std::string seen;
  bool answered = false, over = false, closed = false;
};

struct Outcome {
  std::string seen;
  bool closed = false;
};

Outcome answer(std::string_view text, size_t max_bytes_per_call) {
  event::SimulatedLoop loop;
  std::unique_ptr<testing::RawPeer> peer;
  auto connect = [&]() -> event::Task<Result<std::unique_ptr<net::ByteStream>>> {
    auto [here, there] = net::make_pipe(loop, {.max_bytes_per_call = max_bytes_per_call});
    peer = std::make_unique<testing::RawPeer>(std::move(there));
    co_return std::move(here);
  };
  http::UpgradeClient client(loop, connect, {.authority = "h", .max_header_bytes = 4096, .window = 512});
  Handler handler;
  handler.stream =
      client.start({.method = "GET", .authority = {}, .path = "/", .headers = {{"upgrade", "x"}}}, handler);
  loop.run_ready();
  if (!peer) abort();
  peer->send(text);
  peer->end();
  loop.run_ready();
  if (!handler.over && !handler.closed) abort();
  return {handler.seen, handler.closed};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Outcome one = answer(text, 1), whole = answer(text, SIZE_MAX);
  // Pieces may be read further before an error is found.
  if (one.seen != whole.seen && !one.closed && !whole.closed) abort();
  return 0;
}
