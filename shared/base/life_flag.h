// For objects that call out and may be destroyed by whom they call.
#pragma once

#include <utility>

namespace ringside {

// A member of such an object. Not thread-safe.
class LifeFlag {
 public:
  LifeFlag() = default;
  LifeFlag(const LifeFlag&) = delete;
  LifeFlag& operator=(const LifeFlag&) = delete;
  ~LifeFlag() {
    if (alive_) *alive_ = false;
  }

  // Runs the callback. False if it has destroyed the object, whose functions must return at once then. May be nested.
  template <typename Callback>
  [[nodiscard]] bool survives(Callback&& callback) {
    bool alive = true;
    bool* outer = std::exchange(alive_, &alive);
    std::forward<Callback>(callback)();
    if (alive) {
      alive_ = outer;
    } else if (outer) {
      *outer = false;
    }
    return alive;
  }

 private:
  bool* alive_ = nullptr;
};

}  // namespace ringside
