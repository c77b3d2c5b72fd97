// The fields of a head or of trailers as they go over HTTP/2.
#pragma once

#include <functional>
#include <string_view>

#include "http/message.h"

namespace ringside::http {

// In their order, without what belongs to a connection and not to a message (RFC 9113 section 8.2.2). The names and
// values are the headers' own.
void visit_http2_fields(const Headers& headers,
                        const std::function<void(std::string_view name, std::string_view value)>& visit);

}  // namespace ringside::http
