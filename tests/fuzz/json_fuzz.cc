// What parses is written and parsed again to the same value (but for the last bit of real numbers); a cursor over it
// finds the same members.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "base/json_cursor.h"

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

// Names may come twice in the text; the value has the last of them.
void compare_with_cursor(std::string_view text, const json::Value& value, size_t budget) {
  json::Cursor cursor(text);
  if (!cursor.enter_object()) return value.is_object() ? abort() : void();
  size_t members = 0;
  for (; auto name = cursor.next_name(); ++members) {
    while (!cursor.pass_value(budget)) {
    }
    if (cursor.failed() || !value.find(*name) || !json::parse(cursor.value())) abort();
  }
  if (cursor.failed() || cursor.peek() != '\0' || members < value.as_object()->size()) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto value = json::parse(text);
  if (!value) return value.error().kind == ErrorKind::kInvalid ? 0 : (abort(), 0);
  compare_with_cursor(text, *value, 1 + size / 3);
  round_to_integers(*value);
  auto again = json::parse(json::to_string(*value));
  // An escaped lone surrogate is written as what it is, which is no valid UTF-8.
  if (again && *again != *value) abort();
  static_cast<void>(json::to_pretty_string(*value));
  return 0;
}
