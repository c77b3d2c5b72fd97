#include "base/json_cursor.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
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

// --- Blocks of 64 bytes, a bit for each: the lowest for the first. After simdjson (https://arxiv.org/abs/1902.08318).

constexpr size_t kBlock = 64;

// The bytes that are `c`.
uint64_t find_all(const char* block, char c) {
  uint64_t found = 0;
#ifdef __SSE2__
  for (size_t i = 0; i < kBlock; i += 16) {
    __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + i));
    __m128i same = _mm_cmpeq_epi8(part, _mm_set1_epi8(c));
    found |= uint64_t(uint32_t(_mm_movemask_epi8(same))) << i;
  }
#else
  for (size_t i = 0; i < kBlock; ++i) found |= uint64_t(block[i] == c) << i;
#endif
  return found;
}

// Of a run of backslashes every other one escapes what is behind it, the first of them unless it is escaped itself.
// Subtracting carries through a run and comes out at its end, at an odd bit or at an even one.
uint64_t find_escaping(uint64_t backslashes, bool first_escaped) {
  constexpr uint64_t kOdd = 0xaaaa'aaaa'aaaa'aaaa;
  uint64_t unescaped = backslashes & ~uint64_t(first_escaped);
  return (((unescaped << 1 | kOdd) - unescaped) ^ kOdd) & backslashes;
}

// Each bit is whether there is an odd number of bits up to it.
uint64_t parity(uint64_t bits) {
  for (int shift = 1; shift < int(kBlock); shift *= 2) bits ^= bits << shift;
  return bits;
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
  bool plain = std::ranges::all_of(quoted, [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
  if (plain) return std::string(quoted.substr(1, quoted.size() - 2));
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
        ++pos_;
        within_ = Within::kString;
        break;
      case kOpen:
        ++pos_;
        depth_ = 1;
        quoted_ = escaped_ = false;
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
  while (text_[pos_ - backslashes - 1] == '\\') ++backslashes;  // the quote where the string begins is none
  ++pos_;
  if (backslashes % 2 == 0) within_ = Within::kNothing;
}

// To behind the bracket that ends the value, or to `stop`.
void Cursor::pass_container(size_t stop) {
  while (pos_ < stop && within_ == Within::kContainer) {
    size_t size = std::min(kBlock, stop - pos_);
    if (size == kBlock) {
      pass_block(text_.data() + pos_, size);
    } else {
      std::array<char, kBlock> block{};
      std::memcpy(block.data(), text_.data() + pos_, size);
      pass_block(block.data(), size);
    }
  }
}

// The first `size` bytes of the block, behind which there is nothing of note.
void Cursor::pass_block(const char* block, size_t size) {
  uint64_t escaping = find_escaping(find_all(block, '\\'), escaped_);
  uint64_t quotes = find_all(block, '"') & ~(escaping << 1 | uint64_t(escaped_));
  uint64_t quoted = parity(quotes) ^ (quoted_ ? ~uint64_t(0) : 0);
  if ((escaping & ~quoted) != 0) return void(fail());  // a backslash outside of strings
  uint64_t opening = (find_all(block, '{') | find_all(block, '[')) & ~quoted;
  uint64_t closing = (find_all(block, '}') | find_all(block, ']')) & ~quoted;
  for (uint64_t brackets = opening | closing; brackets != 0; brackets &= brackets - 1) {
    if ((opening & (brackets & -brackets)) != 0) {
      ++depth_;
    } else if (--depth_ == 0) {
      pos_ += size_t(std::countr_zero(brackets)) + 1;
      within_ = Within::kNothing;
      return;
    }
  }
  escaped_ = (escaping >> (size - 1) & 1) != 0;
  quoted_ = (quoted >> (size - 1) & 1) != 0;
  pos_ += size;
}

bool Cursor::fail() {
  failed_ = true;
  within_ = Within::kNothing;
  return true;
}

}  // namespace ringside::json
