#include "sidecar/workqueue_metrics.h"

#include <algorithm>
#include <limits>

#include "base/prometheus_text.h"

namespace ringside::sidecar {
namespace {

constexpr std::string_view kActive = "controller_runtime_active_workers";
constexpr std::string_view kLongestRunning = "workqueue_longest_running_processor_seconds";
constexpr Duration kUpdatePeriod = std::chrono::milliseconds(500);
constexpr Duration kAllowance = std::chrono::milliseconds(250);
// More than any wait: what is longer proves nothing, and would not fit a Duration at some point.
constexpr double kTooLong = 1e6;

void keep_worst(std::optional<double>& known, double value) {
  if (!(value >= 0)) value = std::numeric_limits<double>::infinity();
  known = std::max(known.value_or(0), value);
}

std::optional<TimePoint> proven_by(const WorkerState& state, TimePoint sent, TimePoint answered) {
  if (state.active == 0) return sent;
  bool prompt = answered - sent <= kAllowance;
  if (!prompt || !state.longest_running || *state.longest_running > kTooLong) return std::nullopt;
  auto age = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*state.longest_running));
  return sent - age - kUpdatePeriod - kAllowance;
}

}  // namespace

Result<WorkerStates> parse_worker_states(std::string_view metrics) {
  WorkerStates states;
  auto wanted = [](std::string_view name) { return name == kActive || name == kLongestRunning; };
  auto done = for_each_sample(metrics, wanted, [&](const PrometheusSample& sample) {
    bool active = sample.name == kActive;
    WorkerState& state = states[std::string(sample.label(active ? "controller" : "name"))];
    keep_worst(active ? state.active : state.longest_running, sample.value);
  });
  if (!done) return failure(done.error());
  return states;
}

std::optional<TimePoint> ProcessingProof::scraped(const WorkerStates& states, TimePoint sent, TimePoint answered) {
  std::erase_if(proven_, [&](const auto& entry) { return !states.contains(entry.first); });
  for (const auto& [name, state] : states) {
    std::optional<TimePoint>& known = proven_[name];
    known = std::max(known, proven_by(state, sent, answered));
  }
  if (proven_.empty()) return std::nullopt;
  return std::ranges::min_element(proven_, {}, [](const auto& entry) { return entry.second; })->second;
}

}  // namespace ringside::sidecar
