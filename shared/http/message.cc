#include "http/message.h"

namespace ringside::http {

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string_view Headers::get_or(std::string_view name, std::string_view fallback) const {
  return get(name).value_or(fallback);
}

void Headers::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string_view name, std::string value) {
  erase(name);
  add(std::string(name), std::move(value));
}

void Headers::erase(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return field.first == name; });
}

size_t field_list_size(std::string_view name, std::string_view value) {
  constexpr size_t kOverhead = 32;
  return name.size() + value.size() + kOverhead;
}

size_t header_list_size(const RequestHead& head) {
  size_t size = field_list_size(":method", head.method) + field_list_size(":scheme", "https") +
                field_list_size(":authority", head.authority) + field_list_size(":path", head.path);
  for (const auto& [name, value] : head.headers) size += field_list_size(name, value);
  return size;
}

}  // namespace ringside::http
