// Requests that ask for another protocol on their connection (RFC 9110 section 7.8): WebSocket, SPDY.
#pragma once

#include <memory>
#include <string>

#include "event/loop.h"
#include "http/client.h"
#include "http/message.h"
#include "http/stream.h"

namespace ringside::http {

// Whether the client asks for an upgrade: the field Upgrade, and the option of that name in a Connection field.
bool is_upgrade_request(const Headers& headers);

// Each request goes over an HTTP/1.1 connection of its own, which ends with it. What the server answers tells what the
// stream carries:
//   101    the new protocol's bytes, both ways. send_end() and on_end() are the ends of the two directions.
//   others a response like any other, whose body is passed on and ends with on_end().
class UpgradeClient {
 public:
  struct Options {
    std::string authority;
    Duration connect_timeout = std::chrono::seconds(5);
    size_t max_header_bytes = 64 << 10;
    // Bytes that may be on their way to the handler without credit; reading stops at it.
    size_t window = 128 << 10;
    Duration half_closed_timeout = std::chrono::minutes(5);
  };

  // `dial` makes a connection that speaks HTTP/1.1. The loop must outlive the streams, the client need not.
  UpgradeClient(event::Loop& loop, Dialer dial, Options options);

  // Sends a request without a body; its Upgrade field says what is asked for. How long the server takes to answer is
  // not limited. Nothing can be sent before on_response(101) and is dropped then. Never calls the handler at once, and
  // the handler may destroy the stream. on_closed: kRefused if there was no connection; kInvalid if the answer is no
  // HTTP/1.1; kDisconnected.
  std::unique_ptr<Stream> start(RequestHead head, StreamHandler& handler);

 private:
  event::Loop& loop_;
  Dialer dial_;
  Options options_;
};

}  // namespace ringside::http
