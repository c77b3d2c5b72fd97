// One GET over HTTP/1.1 (RFC 9112), for servers that speak nothing newer.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "event/loop.h"
#include "event/task.h"
#include "http/message.h"
#include "net/byte_stream.h"

namespace ringside::http {

// The answer on a connection that was closed after it. kInvalid if it is no HTTP/1.1 response; kDisconnected if it is
// not complete: also without Content-Length and chunks, since such an end could be a cut.
Result<Response> parse_http1_response(std::string_view bytes);

// Asks the server to close the connection after its answer, and reads until then. kInvalid if that is larger than
// max_bytes. The caller sets the time-out.
event::Task<Result<Response>> http1_get(event::Loop& loop, std::unique_ptr<net::ByteStream> stream, RequestHead head,
                                        size_t max_bytes);

}  // namespace ringside::http
