#include "http/opened_streams.h"

#include <algorithm>

namespace ringside::http {

void OpenedStreams::note(int32_t id) {
  if (id <= last_) return;
  if (id > last_ + 2) leaps_.push_back({last_, id});
  if (leaps_.size() > kMaxLeaps) leaps_.pop_front();
  last_ = id;
}

bool OpenedStreams::passed_over(int32_t id) const {
  return std::ranges::any_of(leaps_, [id](const Leap& leap) { return leap.after < id && id < leap.before; });
}

}  // namespace ringside::http
