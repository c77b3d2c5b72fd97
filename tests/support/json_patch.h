// A small applier of JSON patches (RFC 6902) for tests: add, remove, replace, move.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/strings.h"

namespace ringside::testing {

namespace json_patch_internal {

inline std::vector<std::string> pointer_tokens(std::string_view pointer) {
  std::vector<std::string> tokens;
  if (pointer.empty()) return tokens;
  for (std::string_view part : split(pointer.substr(1), '/')) {
    std::string token;
    for (size_t i = 0; i < part.size(); ++i) {
      if (part[i] == '~' && i + 1 < part.size()) {
        token += part[++i] == '1' ? '/' : '~';
      } else {
        token += part[i];
      }
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// The member or item of that token, or nullptr.
inline json::Value* child(json::Value& parent, const std::string& token) {
  if (parent.is_object()) return parent.find(token);
  json::Array* array = parent.as_array();
  std::optional<int64_t> index = parse_int(token);
  if (array == nullptr || !index || *index < 0 || size_t(*index) >= array->size()) return nullptr;
  return &(*array)[size_t(*index)];
}

inline Result<void> no_such_path(std::string_view path) {
  return failure(ErrorKind::kInvalid, "no such path: " + std::string(path));
}

inline Result<void> add(json::Value& parent, const std::string& token, json::Value value, std::string_view path) {
  if (parent.is_object()) {
    parent[token] = std::move(value);
    return {};
  }
  json::Array* array = parent.as_array();
  if (array == nullptr) return no_such_path(path);
  std::optional<int64_t> index = token == "-" ? int64_t(array->size()) : parse_int(token);
  if (!index || *index < 0 || size_t(*index) > array->size()) return no_such_path(path);
  array->insert(array->begin() + *index, std::move(value));
  return {};
}

inline void remove(json::Value& parent, const std::string& token) {
  if (json::Array* array = parent.as_array()) {
    array->erase(array->begin() + *parse_int(token));
  } else {
    parent.erase(token);
  }
}

// The container that holds the last token of the path, and that token.
inline std::optional<std::pair<json::Value*, std::string>> locate(json::Value& document, std::string_view path) {
  std::vector<std::string> tokens = pointer_tokens(path);
  if (tokens.empty()) return std::nullopt;
  json::Value* parent = &document;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    parent = child(*parent, tokens[i]);
    if (parent == nullptr) return std::nullopt;
  }
  return std::pair(parent, tokens.back());
}

inline Result<json::Value> take(json::Value& document, std::string_view path) {
  auto place = locate(document, path);
  json::Value* value = place ? child(*place->first, place->second) : nullptr;
  if (value == nullptr) return failure(no_such_path(path).error());
  json::Value taken = std::move(*value);
  remove(*place->first, place->second);
  return taken;
}

inline Result<void> apply_one(json::Value& document, const json::Value& operation) {
  std::string_view op = operation.string_at({"op"}), path = operation.string_at({"path"});
  json::Value value = operation.find("value") != nullptr ? *operation.find("value") : json::Value();
  if (op == "remove" || op == "replace" || op == "move") {
    Result<json::Value> taken = take(document, op == "move" ? operation.string_at({"from"}) : path);
    if (!taken) return failure(taken.error());
    if (op == "remove") return {};
    if (op == "move") value = std::move(*taken);
  } else if (op != "add") {
    return failure(ErrorKind::kInvalid, "unknown operation: " + std::string(op));
  }
  auto place = locate(document, path);
  if (!place) return no_such_path(path);
  return add(*place->first, place->second, std::move(value), path);
}

}  // namespace json_patch_internal

// The document after the patch; an empty patch text changes nothing. kInvalid if an operation does not apply.
inline Result<json::Value> apply_json_patch(json::Value document, std::string_view patch_text) {
  if (patch_text.empty()) return document;
  Result<json::Value> patch = json::parse(patch_text);
  if (!patch) return patch;
  if (!patch->is_array()) return failure(ErrorKind::kInvalid, "a JSON patch is an array");
  for (const json::Value& operation : *patch->as_array()) {
    Result<void> applied = json_patch_internal::apply_one(document, operation);
    if (!applied) return failure(applied.error());
  }
  return document;
}

}  // namespace ringside::testing
