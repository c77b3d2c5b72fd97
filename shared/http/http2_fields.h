// The fields of a head or of trailers as they go over HTTP/2.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"

namespace ringside::http {

using Http2Fields = std::vector<std::pair<std::string_view, std::string_view>>;

// Pseudo-headers first. What belongs to a connection and not to a message is left out (RFC 9113 section 8.2.2). The
// names and values are the arguments' own: valid as long as these live and do not change.
Http2Fields http2_fields(Http2Fields pseudo, const Headers& headers);

}  // namespace ringside::http
