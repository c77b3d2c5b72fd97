// A JSON patch (RFC 6902) under construction.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace ringside::injector {

// Operations in the order in which they are added; the paths are JSON pointers (RFC 6901). Each operation sees the
// document as the operations before it left it.
class JsonPatch {
 public:
  // Sets a member (replacing it if it exists) or inserts before an item of an array.
  void add(std::string path, json::Value value);
  void remove(std::string path);
  void move(std::string from, std::string to);

  // Inserts items at the front of the array at `path`. `array` is what stands there now: nullptr or null where the
  // array is missing; it is made then.
  void prepend(const std::string& path, const json::Value* array, json::Array items);

  bool empty() const { return operations_.empty(); }
  // The document, a JSON array.
  std::string to_text() const { return json::to_string(operations_); }

 private:
  json::Array operations_;
};

// One reference token of a JSON pointer, with '~' and '/' escaped.
std::string escape_pointer_token(std::string_view token);

}  // namespace ringside::injector
