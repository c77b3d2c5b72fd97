// Walks over JSON text (RFC 8259) and hands out parts of it; what is skipped costs a scan for its end and no memory.
// For large bodies of which little is wanted. parse() says whether a part that was handed out is valid; what is skipped
// is only searched for quotes and brackets.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ringside::json {

class Cursor {
 public:
  // The text must outlive the cursor and the views that it hands out.
  explicit Cursor(std::string_view text) : text_(text) {}

  // The first character of the value, bracket or comma that comes next, white space skipped; 0 at the end.
  char peek();

  // Enters the object that comes next. False, and nothing happens, if it is no object.
  bool enter_object();
  // In an object: the name of the next member, whose value comes next; nullopt behind the last one, the object being
  // left, and after an error.
  std::optional<std::string> next_name();

  // Goes on over the value that comes next, by about `budget` bytes at most. True when it has been passed or an error
  // was found: value() is its text then, else call it again.
  bool pass_value(size_t budget);
  std::string_view value() const { return text_.substr(value_, pos_ - value_); }

  // Whether the text is no JSON, as far as it was looked at, and where.
  bool failed() const { return failed_; }
  size_t position() const { return pos_; }

 private:
  enum class Within { kNothing, kContainer, kString, kScalar };

  bool fail();
  void pass_string(size_t stop);
  void pass_container(size_t stop);
  void pass_block(const char* block, size_t size);

  std::string_view text_;
  size_t pos_ = 0;
  bool failed_ = false;
  bool first_ = false;  // of an object's members comes next
  // Of the value that is being passed.
  Within within_ = Within::kNothing;
  size_t value_ = 0;      // where it begins
  size_t depth_ = 0;      // of a container: brackets that are open
  bool quoted_ = false;   // of a container: within a string
  bool escaped_ = false;  // of a container: behind a backslash
};

}  // namespace ringside::json
