// The fields of a head or of trailers that are sent, as nghttp2 takes them. For Http2Session alone.
#pragma once

#include <nghttp2/nghttp2.h>

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"

namespace ringside::http {

// Pseudo-headers first. What belongs to a connection and not to a message is left out (RFC 9113 section 8.2.2). The
// names and values are the arguments' own: valid as long as these live and do not change.
std::vector<nghttp2_nv> http2_fields(std::initializer_list<std::pair<std::string_view, std::string_view>> pseudo,
                                     const Headers& headers);

}  // namespace ringside::http
