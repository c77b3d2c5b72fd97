#include "base/json_cursor.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/json.h"

namespace ringside::json {
namespace {

enum Class : unsigned char { kOther, kQuote, kOpen, kClose, kSpace, kSeparator };

constexpr std::array<unsigned char, 256> make_classes() {
  std::array<unsigned char, 256> classes{};
  classes['"'] = kQuote;
  classes['{'] = classes['['] = kOpen;
  classes['}'] = classes[']'] = kClose;
  classes[' '] = classes['\t'] = classes['\n'] = classes['\r'] = kSpace;
  classes[','] = classes[':'] = kSeparator;
  return classes;
}
constexpr auto kClasses = make_classes();

unsigned char class_of(char c) {
  return kClasses[static_cast<unsigned char>(c)];
}

}  // namespace

char Cursor::peek() {
  while (pos_ < text_.size() && class_of(text_[pos_]) == kSpace) ++pos_;
  return pos_ < text_.size() ? text_[pos_] : '\0';
}

bool Cursor::enter_object() {
  if (failed_ || peek() != '{') return false;
  ++pos_;
  first_ = true;
  return true;
}

std::optional<std::string> Cursor::next_name() {
  if (failed_) return std::nullopt;
  char next = peek();
  if (next == '}') {
    ++pos_;
    first_ = false;
    return std::nullopt;
  }
  if (!first_) {
    if (next != ',') return fail(), std::nullopt;
    ++pos_;
    next = peek();
  }
  first_ = false;
  if (next != '"') return fail(), std::nullopt;
  while (!pass_value(text_.size())) {
  }
  if (failed_) return std::nullopt;
  std::string_view quoted = value();
  if (peek() != ':') return fail(), std::nullopt;
  ++pos_;
  if (quoted.find('\\') == std::string_view::npos) return std::string(quoted.substr(1, quoted.size() - 2));
  auto name = parse(quoted);
  if (!name || !name->is_string()) return fail(), std::nullopt;
  return *name->as_string();
}

bool Cursor::pass_value(size_t budget) {
  if (failed_) return true;
  if (within_ == Within::kNothing) {
    char next = peek();
    value_ = pos_;
    switch (class_of(next)) {
      case kQuote:
        depth_ = 0;
        within_ = Within::kString;
        string_ = ++pos_;
        break;
      case kOpen:
        depth_ = 1;
        ++pos_;
        within_ = Within::kContainer;
        break;
      case kOther:
        if (next == '\0') return fail();
        within_ = Within::kScalar;
        break;
      default: return fail();
    }
  }
  size_t stop = budget < text_.size() - pos_ ? pos_ + budget : text_.size();
  while (within_ != Within::kNothing && pos_ < stop) {
    switch (within_) {
      case Within::kString: pass_string(stop); break;
      case Within::kContainer: pass_container(stop); break;
      case Within::kScalar:
        while (pos_ < stop && class_of(text_[pos_]) == kOther) ++pos_;
        if (pos_ < stop) within_ = Within::kNothing;
        break;
      case Within::kNothing: break;
    }
  }
  if (within_ == Within::kNothing) return true;
  if (pos_ < text_.size()) return false;
  if (within_ != Within::kScalar) return fail();
  within_ = Within::kNothing;
  return true;
}

// To behind the quote that ends the string, or to `stop`.
void Cursor::pass_string(size_t stop) {
  const void* found = std::memchr(text_.data() + pos_, '"', stop - pos_);
  if (!found) {
    pos_ = stop;
    return;
  }
  pos_ = size_t(static_cast<const char*>(found) - text_.data());
  size_t backslashes = 0;
  while (pos_ - backslashes > string_ && text_[pos_ - backslashes - 1] == '\\') ++backslashes;
  ++pos_;
  if (backslashes % 2 == 0) within_ = depth_ == 0 ? Within::kNothing : Within::kContainer;
}

// To behind the next quote or the bracket that ends the value, or to `stop`.
void Cursor::pass_container(size_t stop) {
  while (pos_ < stop) {
    switch (class_of(text_[pos_++])) {
      case kQuote:
        within_ = Within::kString;
        string_ = pos_;
        return;
      case kOpen: ++depth_; break;
      case kClose:
        if (--depth_ == 0) {
          within_ = Within::kNothing;
          return;
        }
        break;
      default: break;
    }
  }
}

bool Cursor::fail() {
  failed_ = true;
  within_ = Within::kNothing;
  return true;
}

}  // namespace ringside::json
