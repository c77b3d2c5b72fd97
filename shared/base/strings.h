// Small helpers on text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringside {

// "a,,b" at ',' -> {"a", "", "b"}; "" -> {""}. The views live as long as the text.
std::vector<std::string_view> split(std::string_view text, char separator);

// Whether both are equal when ASCII letters are folded (header names, RFC 9110 section 5.1).
bool equals_ignoring_case(std::string_view a, std::string_view b);

std::string to_lower(std::string_view text);

// Without spaces and tabs at both ends.
std::string_view trim(std::string_view text);

// Percent-decoding (RFC 3986 section 2.1); '+' stays as it is. nullopt if an escape is malformed.
std::optional<std::string> percent_decode(std::string_view text);

// Percent-encoding of everything but unreserved characters: right for a query value and for a path segment.
std::string percent_encode(std::string_view text);

// A decimal number of digits only, that fits; nullopt otherwise.
std::optional<int64_t> parse_int(std::string_view text);

}  // namespace ringside
