// Base64 with padding (RFC 4648 section 4), as Kubernetes writes bytes in JSON.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace ringside {

std::string to_base64(std::string_view bytes);

// White space between the characters is skipped (kubeconfigs are folded by hand). kInvalid names the offset of what
// does not belong there.
Result<std::string> parse_base64(std::string_view text);

}  // namespace ringside
