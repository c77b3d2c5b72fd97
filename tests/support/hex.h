// Bytes as hexadecimal text, for vectors in tests.
#pragma once

#include <string>
#include <string_view>

namespace ringside::testing {

// The text holds pairs of lower-case hexadecimal digits, nothing else.
inline std::string from_hex(std::string_view text) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) bytes.push_back(char(digit(text[i]) * 16 + digit(text[i + 1])));
  return bytes;
}

inline std::string to_hex(std::string_view bytes) {
  std::string text;
  for (char c : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

}  // namespace ringside::testing
