// JSON values (RFC 8259) for objects that we own or small objects that we read. Bodies that only pass through are never
// parsed; large ones that must be looked into are scanned (kube/metadata_scanner.h).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace ringside::json {

class Value;
using Array = std::vector<Value>;
// Members in the order in which they were written; names are unique in values made by parse() (the last one wins).
using Object = std::vector<std::pair<std::string, Value>>;

class Value {
 public:
  Value() = default;  // null
  Value(std::nullptr_t) {}
  Value(bool value) : data_(value) {}
  Value(int value) : data_(int64_t(value)) {}
  Value(int64_t value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(std::string_view value) : data_(std::string(value)) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(Array value) : data_(std::move(value)) {}
  Value(Object value) : data_(std::move(value)) {}

  static Value object(std::initializer_list<std::pair<std::string, Value>> members) { return Value(Object(members)); }
  static Value array(std::initializer_list<Value> items) { return Value(Array(items)); }

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }
  bool is_object() const { return std::holds_alternative<Object>(data_); }
  bool is_array() const { return std::holds_alternative<Array>(data_); }
  bool is_string() const { return std::holds_alternative<std::string>(data_); }

  // The value as the type asked for, or nullptr if it is another. Pointers live as long as the value is not changed.
  const std::string* as_string() const { return std::get_if<std::string>(&data_); }
  const int64_t* as_int() const { return std::get_if<int64_t>(&data_); }
  const bool* as_bool() const { return std::get_if<bool>(&data_); }
  const double* as_double() const { return std::get_if<double>(&data_); }
  const Array* as_array() const { return std::get_if<Array>(&data_); }
  const Object* as_object() const { return std::get_if<Object>(&data_); }
  Array* as_array() { return std::get_if<Array>(&data_); }
  Object* as_object() { return std::get_if<Object>(&data_); }

  // The member of that name, or nullptr if there is none or this is no object.
  const Value* find(std::string_view name) const;
  Value* find(std::string_view name);

  // The value below this one along the member names, or nullptr.
  const Value* at(std::initializer_list<std::string_view> path) const;

  // The string, number or bool below this one along the path; the fallback if it is missing or of another type.
  std::string_view string_at(std::initializer_list<std::string_view> path, std::string_view fallback = {}) const;
  int64_t int_at(std::initializer_list<std::string_view> path, int64_t fallback = 0) const;
  bool bool_at(std::initializer_list<std::string_view> path, bool fallback = false) const;
  // The items below this one along the path; an empty array if it is missing or no array.
  const Array& array_at(std::initializer_list<std::string_view> path) const;

  // The member of that name, made (as null) if missing. A value that is no object becomes one.
  Value& operator[](std::string_view name);
  // Removes the member of that name, if there is one.
  void erase(std::string_view name);
  // Appends an item. A value that is no array becomes one.
  void push_back(Value item);

  bool operator==(const Value&) const = default;

 private:
  std::variant<std::nullptr_t, bool, int64_t, double, std::string, Array, Object> data_ = nullptr;
};

// Of members of the same name the last one stays, as in Go.
void keep_last_of_each_name(Object& object);

inline constexpr int kMaxDepth = 128;

// kInvalid with the offset in the message if the text is no JSON, is nested deeper than kMaxDepth or is followed by
// anything but white space.
Result<Value> parse(std::string_view text);

// Compact, in the order of the members. Integers stay integers.
std::string to_string(const Value& value);

// Indented by two spaces, for people.
std::string to_pretty_string(const Value& value);

}  // namespace ringside::json
