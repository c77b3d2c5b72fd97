// Mutual exclusion between tasks, first come first served.
#pragma once

#include <coroutine>
#include <list>
#include <memory>
#include <utility>

#include "event/loop.h"

namespace ringside::event {

class Mutex {
 public:
  explicit Mutex(Loop& loop) : loop_(loop) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // Unlocks on destruction.
  class [[nodiscard]] Guard {
   public:
    explicit Guard(Mutex* mutex) : mutex_(mutex) {}
    Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (mutex_) mutex_->unlock();
    }

   private:
    Mutex* mutex_;
  };

  // auto guard = co_await mutex.lock();
  auto lock() { return Awaiter(*this); }

 private:
  class Awaiter {
   public:
    explicit Awaiter(Mutex& mutex) : mutex_(mutex) {}
    Awaiter(const Awaiter&) = delete;
    ~Awaiter() {
      if (queued_) mutex_.waiting_.remove(this);
      if (granted_) mutex_.unlock();  // cancelled between its turn and its resumption
    }
    bool await_ready() { return !std::exchange(mutex_.locked_, true); }
    void await_suspend(std::coroutine_handle<> handle) {
      handle_ = handle;
      queued_ = true;
      mutex_.waiting_.push_back(this);
    }
    Guard await_resume() {
      granted_ = false;
      return Guard(&mutex_);
    }

   private:
    friend Mutex;
    Mutex& mutex_;
    std::coroutine_handle<> handle_;
    bool queued_ = false;
    bool granted_ = false;
    std::unique_ptr<Posted> posted_;
  };

  // Hands the lock to the next in line, or opens it.
  void unlock() {
    if (waiting_.empty()) {
      locked_ = false;
      return;
    }
    Awaiter* next = waiting_.front();
    waiting_.pop_front();
    next->queued_ = false;
    next->granted_ = true;
    next->posted_ = loop_.post([next] {
      auto posted = std::move(next->posted_);
      next->handle_.resume();
    });
  }

  Loop& loop_;
  bool locked_ = false;
  std::list<Awaiter*> waiting_;
};

}  // namespace ringside::event
