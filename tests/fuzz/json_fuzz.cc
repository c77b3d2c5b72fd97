// What parses is written and parsed again to the same value (but for the last bit of real numbers).
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"

namespace {

using namespace ringside;

void round_to_integers(json::Value& value) {
  if (value.as_double()) value = 0;
  if (json::Array* array = value.as_array()) {
    for (json::Value& item : *array) round_to_integers(item);
  }
  if (json::Object* object = value.as_object()) {
    for (auto& [name, member] : *object) round_to_integers(member);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto value = json::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!value) return value.error().kind == ErrorKind::kInvalid ? 0 : (abort(), 0);
  round_to_integers(*value);
  auto again = json::parse(json::to_string(*value));
  // An escaped lone surrogate is written as what it is, which is no valid UTF-8.
  if (again && *again != *value) abort();
  static_cast<void>(json::to_pretty_string(*value));
  return 0;
}
