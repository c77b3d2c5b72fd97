// What tasks wait for: Completion (one value from a callback), Signal (something changed), Queue (values in order), and
// sleep and with_timeout made from them. Each resumes the waiting task in phase 3 of the turn, never from within the
// call that made it ready.
#pragma once

#include <coroutine>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "event/job.h"
#include "event/loop.h"
#include "event/task.h"

namespace ringside::event {

// Resumes one coroutine at a time, through the loop.
class Waiter {
 public:
  explicit Waiter(Loop& loop) : loop_(loop) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  void suspend(std::coroutine_handle<> handle) { handle_ = handle; }
  // The waiting coroutine is being destroyed.
  void forget() {
    handle_ = nullptr;
    posted_.reset();
  }
  void wake() {
    if (!handle_ || posted_) return;
    posted_ = loop_.post([this] {
      auto posted = std::move(posted_);
      std::exchange(handle_, nullptr).resume();
    });
  }

 private:
  Loop& loop_;
  std::coroutine_handle<> handle_;
  std::unique_ptr<Posted> posted_;
};

// One value, from one callback, to one task. Lives in the frame of the task that awaits it, before whatever calls it.
template <typename T>
class Completion {
 public:
  explicit Completion(Loop& loop) : waiter_(loop) {}

  // The first value counts, later ones are dropped.
  void complete(T value) {
    if (value_) return;
    value_.emplace(std::move(value));
    waiter_.wake();
  }
  bool completed() const { return value_.has_value(); }

  bool await_ready() const { return value_.has_value(); }
  void await_suspend(std::coroutine_handle<> handle) { waiter_.suspend(handle); }
  T await_resume() { return std::move(*value_); }

 private:
  Waiter waiter_;
  std::optional<T> value_;
};

// "Something changed": notify() before wait() is remembered, many notify() are one. One task waits at a time.
class Signal {
 public:
  explicit Signal(Loop& loop) : waiter_(loop) {}

  void notify() {
    set_ = true;
    waiter_.wake();
  }

  // co_await signal.wait();
  auto wait() {
    struct Awaiter {
      Signal& signal;
      bool waiting = false;
      ~Awaiter() {
        if (waiting) signal.waiter_.forget();
      }
      bool await_ready() const { return signal.set_; }
      void await_suspend(std::coroutine_handle<> handle) {
        waiting = true;
        signal.waiter_.suspend(handle);
      }
      void await_resume() {
        waiting = false;
        signal.set_ = false;
      }
    };
    return Awaiter{*this};
  }

 private:
  Waiter waiter_;
  bool set_ = false;
};

// Values in order, from callbacks to one task. Unbounded: who pushes must be held back by other means (credits).
template <typename T>
class Queue {
 public:
  explicit Queue(Loop& loop) : waiter_(loop) {}

  void push(T value) {
    values_.push_back(std::move(value));
    waiter_.wake();
  }
  bool empty() const { return values_.empty(); }

  // co_await queue.next()
  auto next() {
    struct Awaiter {
      Queue& queue;
      bool waiting = false;
      ~Awaiter() {
        if (waiting) queue.waiter_.forget();
      }
      bool await_ready() const { return !queue.values_.empty(); }
      void await_suspend(std::coroutine_handle<> handle) {
        waiting = true;
        queue.waiter_.suspend(handle);
      }
      T await_resume() {
        waiting = false;
        T value = std::move(queue.values_.front());
        queue.values_.pop_front();
        return value;
      }
    };
    return Awaiter{*this};
  }

 private:
  Waiter waiter_;
  std::deque<T> values_;
};

inline Task<void> sleep(Loop& loop, Duration duration) {
  Completion<bool> done(loop);
  auto timer = loop.timer([&done] { done.complete(true); });
  timer->arm(duration);
  co_await done;
}

// Waits for the signal, or until the time is over. True if the signal came; one that comes later is not lost.
inline Task<bool> wait_for(Loop& loop, Signal& signal, Duration duration) {
  Completion<bool> done(loop);
  bool came = false;
  auto timer = loop.timer([&done] { done.complete(true); });
  timer->arm(duration);
  auto waiting = [](Signal& s, bool& c, Completion<bool>& d) -> Task<void> {
    co_await s.wait();
    c = true;
    d.complete(true);
  };
  Job job(loop, waiting(signal, came, done));
  co_await done;
  co_return came;
}

// The task's result, or kTimedOut with `what` in its message, the task being cancelled then.
template <typename T>
Task<Result<T>> with_timeout(Loop& loop, Duration duration, std::string what, Task<Result<T>> task) {
  Completion<Result<T>> done(loop);
  auto timer = loop.timer([&] {
    auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
    done.complete(failure(ErrorKind::kTimedOut, what + ": no answer within " + std::to_string(ms) + " ms"));
  });
  timer->arm(duration);
  auto waiting = [](Task<Result<T>>& t, Completion<Result<T>>& d) -> Task<void> { d.complete(co_await t); };
  Job job(loop, waiting(task, done));
  co_return co_await done;
}

}  // namespace ringside::event
