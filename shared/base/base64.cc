#include "base/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace ringside {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> kValues = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); ++i) values[uint8_t(kAlphabet[i])] = int8_t(i);
  return values;
}();

std::unexpected<Error> invalid_at(size_t offset, std::string_view what) {
  return failure(ErrorKind::kInvalid, "base64: " + std::string(what) + " at offset " + std::to_string(offset));
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  char* next = text.data();
  for (; !bytes.empty(); bytes.remove_prefix(std::min<size_t>(3, bytes.size()))) {
    size_t count = std::min<size_t>(3, bytes.size());
    uint32_t group = uint32_t(uint8_t(bytes[0])) << 16;
    if (count > 1) group |= uint32_t(uint8_t(bytes[1])) << 8;
    if (count > 2) group |= uint8_t(bytes[2]);
    for (size_t k = 0; k <= count; ++k) next[k] = kAlphabet[group >> (18 - 6 * k) & 63];
    next += 4;
  }
  return text;
}

Result<std::string> parse_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t group = 0;
  size_t digits = 0;
  size_t padding = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    if (c == '=') {
      if (digits % 4 < 2 && padding == 0) return invalid_at(i, "padding that does not belong there");
      if (++padding > 2) return invalid_at(i, "too much padding");
      continue;
    }
    int8_t value = kValues[uint8_t(c)];
    if (value < 0 || padding > 0) return invalid_at(i, "a character that does not belong there");
    group = group << 6 | uint32_t(value);
    if (++digits % 4 == 0) bytes.append({char(group >> 16), char(group >> 8), char(group)});
  }
  if ((digits + padding) % 4 != 0) return invalid_at(text.size(), "the text ends early");
  if (digits % 4 == 3) bytes.append({char(group >> 10), char(group >> 2)});
  if (digits % 4 == 2) bytes.push_back(char(group >> 4));
  return bytes;
}

}  // namespace ringside
