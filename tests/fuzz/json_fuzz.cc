// What parses is written and parsed again to the same value.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringside;
  auto value = json::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!value) return value.error().kind == ErrorKind::kInvalid ? 0 : (abort(), 0);
  auto again = json::parse(json::to_string(*value));
  // A lone surrogate is written as it was meant, which is no valid UTF-8.
  if (again && *again != *value) abort();
  static_cast<void>(json::to_pretty_string(*value));
  return 0;
}
