#include "base/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <limits>

namespace ringside::json {
namespace {

// What is cheaper to compare each with each than to sort.
constexpr size_t kFewMembers = 12;

bool has_few_and_unique_names(const Object& object) {
  if (object.size() > kFewMembers) return false;
  for (size_t i = 1; i < object.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (object[i].first == object[j].first) return false;
    }
  }
  return true;
}

// Builds a Value from RapidJSON's events, without recursion.
class Builder {
 public:
  bool Null() { return add(nullptr); }
  bool Bool(bool value) { return add(value); }
  bool Int(int value) { return add(int64_t(value)); }
  bool Uint(unsigned value) { return add(int64_t(value)); }
  bool Int64(int64_t value) { return add(value); }
  bool Uint64(uint64_t value) {
    if (value > uint64_t(std::numeric_limits<int64_t>::max())) return add(double(value));
    return add(int64_t(value));
  }
  bool Double(double value) { return add(value); }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return false; }
  bool String(const char* text, rapidjson::SizeType size, bool) { return add(std::string(text, size)); }
  bool StartObject() { return open(Object()); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    names_.back().assign(text, size);
    return true;
  }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool StartArray() { return open(Array()); }
  bool EndArray(rapidjson::SizeType) { return close(); }

  Value take() { return std::move(root_); }
  bool too_deep() const { return too_deep_; }

 private:
  bool add(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Array* array = open_.back().as_array()) {
      array->push_back(std::move(value));
    } else {
      open_.back().as_object()->emplace_back(std::move(names_.back()), std::move(value));
    }
    return true;
  }

  bool open(Value container) {
    if (open_.size() >= size_t(kMaxDepth)) {
      too_deep_ = true;
      return false;
    }
    open_.push_back(std::move(container));
    names_.emplace_back();
    return true;
  }

  bool close() {
    Value done = std::move(open_.back());
    if (Object* object = done.as_object()) keep_last_of_each_name(*object);
    open_.pop_back();
    names_.pop_back();
    return add(std::move(done));
  }

  Value root_;
  std::vector<Value> open_;         // containers that are not closed yet, outermost first
  std::vector<std::string> names_;  // per open container: the name of the member being read
  bool too_deep_ = false;
};

// What a string means is what is written between its quotes: ASCII, without escapes.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

bool is_plain_string(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  return is_plain(text.substr(1, text.size() - 2));
}

template <typename Writer>
void write(Writer& writer, const Value& value) {
  if (const auto* text = value.as_string()) {
    writer.String(text->data(), rapidjson::SizeType(text->size()));
  } else if (const auto* number = value.as_int()) {
    writer.Int64(*number);
  } else if (const auto* flag = value.as_bool()) {
    writer.Bool(*flag);
  } else if (const auto* real = value.as_double()) {
    writer.Double(*real);
  } else if (const auto* array = value.as_array()) {
    writer.StartArray();
    for (const auto& item : *array) write(writer, item);
    writer.EndArray();
  } else if (const auto* object = value.as_object()) {
    writer.StartObject();
    for (const auto& [name, member] : *object) {
      writer.Key(name.data(), rapidjson::SizeType(name.size()));
      write(writer, member);
    }
    writer.EndObject();
  } else {
    writer.Null();
  }
}

}  // namespace

// In time n log n, since the names are a stranger's. Almost always there is nothing to remove.
void keep_last_of_each_name(Object& object) {
  if (has_few_and_unique_names(object)) return;
  std::vector<std::pair<std::string_view, size_t>> names;
  names.reserve(object.size());
  for (size_t i = 0; i < object.size(); ++i) names.emplace_back(object[i].first, i);
  std::ranges::sort(names);
  std::vector<size_t> repeated;
  for (size_t i = 1; i < names.size(); ++i) {
    if (names[i].first == names[i - 1].first) repeated.push_back(names[i - 1].second);
  }
  if (repeated.empty()) return;
  std::ranges::sort(repeated);
  size_t index = 0;
  std::erase_if(object, [&](const auto&) { return std::ranges::binary_search(repeated, index++); });
}

const Value* Value::find(std::string_view name) const {
  if (const Object* object = as_object()) {
    for (const auto& [key, value] : *object) {
      if (key == name) return &value;
    }
  }
  return nullptr;
}

Value* Value::find(std::string_view name) {
  return const_cast<Value*>(std::as_const(*this).find(name));
}

const Value* Value::at(std::initializer_list<std::string_view> path) const {
  const Value* value = this;
  for (auto name : path) {
    value = value->find(name);
    if (!value) return nullptr;
  }
  return value;
}

std::string_view Value::string_at(std::initializer_list<std::string_view> path, std::string_view fallback) const {
  const Value* value = at(path);
  const std::string* text = value ? value->as_string() : nullptr;
  return text ? std::string_view(*text) : fallback;
}

int64_t Value::int_at(std::initializer_list<std::string_view> path, int64_t fallback) const {
  const Value* value = at(path);
  const int64_t* number = value ? value->as_int() : nullptr;
  return number ? *number : fallback;
}

bool Value::bool_at(std::initializer_list<std::string_view> path, bool fallback) const {
  const Value* value = at(path);
  const bool* flag = value ? value->as_bool() : nullptr;
  return flag ? *flag : fallback;
}

const Array& Value::array_at(std::initializer_list<std::string_view> path) const {
  static const Array kEmpty;
  const Value* value = at(path);
  const Array* items = value ? value->as_array() : nullptr;
  return items ? *items : kEmpty;
}

Value& Value::operator[](std::string_view name) {
  if (!is_object()) data_ = Object();
  if (Value* member = find(name)) return *member;
  return as_object()->emplace_back(std::string(name), Value()).second;
}

void Value::erase(std::string_view name) {
  if (Object* object = as_object()) std::erase_if(*object, [&](const auto& member) { return member.first == name; });
}

void Value::push_back(Value item) {
  if (!is_array()) data_ = Array();
  as_array()->push_back(std::move(item));
}

Result<Value> parse(std::string_view text) {
  if (is_plain_string(text)) return Value(text.substr(1, text.size() - 2));
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::Reader reader;
  Builder builder;
  // Without kParseFullPrecisionFlag, whose code has undefined behaviour for "0e99".
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  reader.Parse<kFlags>(stream, builder);
  // RapidJSON takes a NUL byte for the end.
  if (!reader.HasParseError() && stream.Tell() < text.size()) {
    return failure(ErrorKind::kInvalid, "not valid JSON at offset " + std::to_string(stream.Tell()) + ": NUL byte");
  }
  if (!reader.HasParseError()) return builder.take();
  std::string why = builder.too_deep() ? "nested deeper than " + std::to_string(kMaxDepth) + " levels"
                                       : std::string(rapidjson::GetParseError_En(reader.GetParseErrorCode()));
  return failure(ErrorKind::kInvalid,
                 "not valid JSON at offset " + std::to_string(reader.GetErrorOffset()) + ": " + why);
}

std::string to_string(const Value& value) {
  if (const std::string* text = value.as_string(); text && is_plain(*text)) return '"' + *text + '"';
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  write(writer, value);
  return std::string(buffer.GetString(), buffer.GetSize());
}

std::string to_pretty_string(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.SetIndent(' ', 2);
  write(writer, value);
  return std::string(buffer.GetString(), buffer.GetSize());
}

}  // namespace ringside::json
