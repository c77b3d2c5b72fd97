#include "event/simulated_loop.h"

#include <stdexcept>

namespace ringside::event {

WallTime SimulatedLoop::wall_now() const {
  using namespace std::chrono;
  return WallTime(sys_days(year(2026) / 1 / 1)) + duration_cast<microseconds>(now().time_since_epoch());
}

std::unique_ptr<FdWatch> SimulatedLoop::watch(int, ReadyCallback) {
  throw std::logic_error("a simulated loop has no descriptors; use net::make_pipe()");
}

std::unique_ptr<Posted> SimulatedLoop::on_signal(int, std::function<void()>) {
  throw std::logic_error("a simulated loop has no signals");
}

void SimulatedLoop::run_ready() {
  for (;;) {
    scheduler_.run_phases();
    auto deadline = scheduler_.next_deadline();
    if (!scheduler_.has_ready_work() && !(deadline && *deadline <= now())) return;
  }
}

void SimulatedLoop::advance(Duration duration) {
  TimePoint end = now() + duration;
  run_ready();
  for (auto deadline = scheduler_.next_deadline(); deadline && *deadline <= end;
       deadline = scheduler_.next_deadline()) {
    scheduler_.set_now(std::max(*deadline, now()));
    run_ready();
  }
  scheduler_.set_now(end);
}

}  // namespace ringside::event
