// Which stream numbers a client of HTTP/2 has passed over: it must not open them any more (RFC 9113 section 5.1.1). A
// stream that was opened and is over is another matter: frames may still be on their way for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace ringside::http {

class OpenedStreams {
 public:
  // Clients count up by two; one that does not is remembered for so many leaps, the latest.
  static constexpr size_t kMaxLeaps = 16;

  void note(int32_t id);
  bool passed_over(int32_t id) const;

 private:
  struct Leap {
    int32_t after, before;  // streams that were opened
  };

  int32_t last_ = -1;
  std::deque<Leap> leaps_;
};

}  // namespace ringside::http
