#include "injector/json_patch.h"

#include <utility>

namespace ringside::injector {

void JsonPatch::add(std::string path, json::Value value) {
  operations_.push_back(json::Value::object({{"op", "add"}, {"path", std::move(path)}, {"value", std::move(value)}}));
}

void JsonPatch::remove(std::string path) {
  operations_.push_back(json::Value::object({{"op", "remove"}, {"path", std::move(path)}}));
}

void JsonPatch::move(std::string from, std::string to) {
  operations_.push_back(json::Value::object({{"op", "move"}, {"from", std::move(from)}, {"path", std::move(to)}}));
}

void JsonPatch::prepend(const std::string& path, const json::Value* array, json::Array items) {
  if (array == nullptr || array->is_null()) {
    add(path, std::move(items));
    return;
  }
  for (size_t i = 0; i < items.size(); ++i) add(path + "/" + std::to_string(i), std::move(items[i]));
}

std::string escape_pointer_token(std::string_view token) {
  std::string result;
  for (char c : token) {
    if (c == '~') {
      result += "~0";
    } else if (c == '/') {
      result += "~1";
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace ringside::injector
