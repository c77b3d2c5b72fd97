#include "event/libevent_loop.h"

#include <event2/event.h>

#include <csignal>
#include <new>
#include <random>
#include <utility>

#include "event/scheduler.h"

namespace ringside::event {
namespace {

struct EventFree {
  void operator()(::event* event) const { event_free(event); }
};
using EventPtr = std::unique_ptr<::event, EventFree>;

struct BaseFree {
  void operator()(event_base* base) const { event_base_free(base); }
};

TimePoint read_clock() {
  return std::chrono::steady_clock::now();
}

// The time of a turn is read once, when the wait is over: by the first callback of phase 1, or after it if there is
// none.
struct TurnClock {
  Scheduler& scheduler;
  bool waits = false;

  void begin_turn() {
    if (std::exchange(waits, false)) scheduler.set_now(read_clock());
  }
};

class LibeventWatch : public FdWatch {
 public:
  LibeventWatch(event_base* base, TurnClock& clock, int fd, Loop::ReadyCallback callback)
      : base_(base), clock_(clock), fd_(fd), callback_(std::make_shared<Loop::ReadyCallback>(std::move(callback))) {}

  void want(bool read, bool write) override {
    short events = short((read ? EV_READ : 0) | (write ? EV_WRITE : 0));
    if (events == events_) return;
    events_ = events;
    event_.reset();
    if (events == 0) return;
    event_.reset(event_new(base_, fd_, short(events | EV_PERSIST), &LibeventWatch::on_ready, this));
    if (!event_) throw std::bad_alloc();
    event_add(event_.get(), nullptr);
  }

 private:
  static void on_ready(evutil_socket_t, short events, void* self) {
    auto& watch = *static_cast<LibeventWatch*>(self);
    watch.clock_.begin_turn();
    auto callback = watch.callback_;  // kept: the callback may destroy the watch
    (*callback)((events & EV_READ) != 0, (events & EV_WRITE) != 0);
  }

  event_base* base_;
  TurnClock& clock_;
  int fd_;
  std::shared_ptr<Loop::ReadyCallback> callback_;
  short events_ = 0;
  EventPtr event_;
};

class SignalWatch : public Posted {
 public:
  SignalWatch(event_base* base, TurnClock& clock, int signal, std::function<void()> callback)
      : clock_(clock),
        callback_(std::move(callback)),
        event_(evsignal_new(base, signal, &SignalWatch::on_signal, this)) {
    if (!event_) throw std::bad_alloc();
    event_add(event_.get(), nullptr);
  }

 private:
  static void on_signal(evutil_socket_t, short, void* self) {
    auto& watch = *static_cast<SignalWatch*>(self);
    watch.clock_.begin_turn();
    auto callback = watch.callback_;  // kept: it may destroy the watch
    callback();
  }

  TurnClock& clock_;
  std::function<void()> callback_;
  EventPtr event_;
};

}  // namespace

struct LibeventLoop::Impl {
  std::unique_ptr<event_base, BaseFree> base{event_base_new()};
  EventPtr wake_up;  // fires at the first timer's deadline
  Scheduler scheduler;
  TurnClock clock{scheduler};
  std::mt19937_64 random{std::random_device{}()};
  bool stopped = false;

  Impl() {
    if (!base) throw std::bad_alloc();
    wake_up.reset(event_new(base.get(), -1, 0, [](evutil_socket_t, short, void*) {}, nullptr));
    if (!wake_up) throw std::bad_alloc();
    scheduler.set_now(read_clock());
  }

  // Phase 1; waits until something is ready or the first timer is due.
  void wait() {
    // Once, also when it does not wait: alone, EVLOOP_NONBLOCK goes on for as long as any descriptor is ready.
    int flags = EVLOOP_ONCE;
    if (scheduler.has_ready_work()) {
      flags |= EVLOOP_NONBLOCK;
    } else if (auto deadline = scheduler.next_deadline()) {
      auto rest = std::chrono::ceil<std::chrono::microseconds>(*deadline - read_clock()).count();
      if (rest <= 0) {
        flags |= EVLOOP_NONBLOCK;
      } else {
        timeval time{.tv_sec = rest / 1'000'000, .tv_usec = rest % 1'000'000};
        evtimer_add(wake_up.get(), &time);
      }
    }
    clock.waits = true;
    event_base_loop(base.get(), flags | EVLOOP_NO_EXIT_ON_EMPTY);
    clock.begin_turn();
    evtimer_del(wake_up.get());
  }
};

LibeventLoop::LibeventLoop() : impl_(std::make_unique<Impl>()) {
  std::signal(SIGPIPE, SIG_IGN);
}
LibeventLoop::~LibeventLoop() = default;

TimePoint LibeventLoop::now() const {
  return impl_->scheduler.now();
}

WallTime LibeventLoop::wall_now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

uint64_t LibeventLoop::random() {
  return impl_->random();
}
std::unique_ptr<Timer> LibeventLoop::timer(Callback callback) {
  return impl_->scheduler.timer(std::move(callback));
}
std::unique_ptr<Posted> LibeventLoop::post(Callback callback) {
  return impl_->scheduler.post(std::move(callback));
}

std::unique_ptr<TurnEnd> LibeventLoop::turn_end(Callback callback) {
  return impl_->scheduler.turn_end(std::move(callback));
}

std::unique_ptr<FdWatch> LibeventLoop::watch(int fd, ReadyCallback callback) {
  return std::make_unique<LibeventWatch>(impl_->base.get(), impl_->clock, fd, std::move(callback));
}

std::unique_ptr<Posted> LibeventLoop::on_signal(int signal, std::function<void()> callback) {
  return std::make_unique<SignalWatch>(impl_->base.get(), impl_->clock, signal, std::move(callback));
}

void LibeventLoop::run() {
  impl_->stopped = false;
  while (!impl_->stopped) {
    impl_->wait();
    impl_->scheduler.run_phases();
  }
}

void LibeventLoop::stop() {
  impl_->stopped = true;
}

}  // namespace ringside::event
