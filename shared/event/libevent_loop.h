// The real loop, over libevent (readiness and signals; timers are the Scheduler's).
#pragma once

#include <memory>

#include "event/loop.h"

namespace ringside::event {

class LibeventLoop : public Loop {
 public:
  LibeventLoop();
  ~LibeventLoop() override;
  LibeventLoop(const LibeventLoop&) = delete;
  LibeventLoop& operator=(const LibeventLoop&) = delete;

  TimePoint now() const override;
  WallTime wall_now() const override;
  uint64_t random() override;
  std::unique_ptr<Timer> timer(Callback callback) override;
  std::unique_ptr<TurnEnd> turn_end(Callback callback) override;
  std::unique_ptr<Posted> post(Callback callback) override;
  std::unique_ptr<FdWatch> watch(int fd, ReadyCallback callback) override;
  std::unique_ptr<Posted> on_signal(int signal, std::function<void()> callback) override;

  // Runs turns until stop() is called.
  void run();
  // Ends run() after the present turn.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringside::event
