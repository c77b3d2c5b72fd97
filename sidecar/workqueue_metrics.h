// What a controller's own metrics prove about its reconciles.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace ringside::sidecar {

// Of one controller or work queue, as scraped.
struct WorkerState {
  // controller-runtime's gauge controller_runtime_active_workers: reconciles under way at the scrape.
  std::optional<double> active = std::nullopt;
  // client-go's workqueue_longest_running_processor_seconds: the age of the oldest item in processing.
  std::optional<double> longest_running = std::nullopt;
};

// By name. controller-runtime gives a controller and its queue the same one.
using WorkerStates = std::map<std::string, WorkerState>;

// From metrics in the Prometheus text format; empty if they have neither of the two. Of series with the same name the
// worst counts, and a value that makes no sense proves nothing. kInvalid for malformed samples of the two.
Result<WorkerStates> parse_worker_states(std::string_view metrics);

// The moment before which every reconcile that had begun has ended, from scrape to scrape.
//
// A reconcile counts as active from before its first step until after its last, so a scrape that was sent at s and
// shows none active proves s. client-go sets its gauge every 500 ms: a scrape that shows the value v proves s - v - 0.5
// s, as long as the controller's process is not stopped or starved meanwhile; an allowance of 250 ms is made for that,
// and an answer that took longer proves nothing by this gauge. Of what is proven for one controller the latest counts,
// of all controllers of the last scrape the earliest.
//
// Work queues without a name have no metrics: nobody can see them here. Their controllers need `metrics: off`.
class ProcessingProof {
 public:
  // Scrapes in the order in which they were sent. nullopt: nothing is proven yet for one of the controllers, or there
  // is none.
  std::optional<TimePoint> scraped(const WorkerStates& states, TimePoint sent, TimePoint answered);

 private:
  std::map<std::string, std::optional<TimePoint>> proven_;
};

}  // namespace ringside::sidecar
