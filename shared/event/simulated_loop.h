// A loop whose time passes only when a test says so. No descriptors, no signals.
#pragma once

#include <memory>
#include <random>

#include "event/loop.h"
#include "event/scheduler.h"

namespace ringside::event {

class SimulatedLoop : public Loop {
 public:
  explicit SimulatedLoop(uint64_t seed = 1) : random_(seed) {}

  TimePoint now() const override { return scheduler_.now(); }
  // Begins at 2026-01-01T00:00:00Z.
  WallTime wall_now() const override;
  uint64_t random() override { return random_(); }
  std::unique_ptr<Timer> timer(Callback callback) override { return scheduler_.timer(std::move(callback)); }
  std::unique_ptr<TurnEnd> turn_end(Callback callback) override { return scheduler_.turn_end(std::move(callback)); }
  std::unique_ptr<Posted> post(Callback callback) override { return scheduler_.post(std::move(callback)); }
  std::unique_ptr<FdWatch> watch(int fd, ReadyCallback callback) override;
  std::unique_ptr<Posted> on_signal(int signal, std::function<void()> callback) override;

  // Runs turns until nothing is ready at the present time.
  void run_ready();
  // Lets the time pass, stopping at every deadline on the way to run what is due.
  void advance(Duration duration);
  // Lets the time pass as a process that is stopped sees it: nothing runs on the way. What is due runs afterwards.
  void stall(Duration duration) { scheduler_.set_now(now() + duration); }

 private:
  Scheduler scheduler_;
  std::mt19937_64 random_;
};

}  // namespace ringside::event
