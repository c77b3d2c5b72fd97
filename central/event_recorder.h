// Events on ControllerRings, for `kubectl describe controllerring` (core/v1 Event; like client-go's EventRecorder).
#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "event/job.h"
#include "kube/client.h"
#include "kube/meta.h"

namespace ringside::central {

enum class EventType { kNormal, kWarning };

// Nobody waits for an Event: what cannot be written is logged and forgotten. An Event that repeats within ten minutes
// is counted up in the same object, at most every ten seconds.
class EventRecorder {
 public:
  // The client must outlive it. `component` is what the Events say they are from.
  EventRecorder(kube::Client& client, Logger log, std::string component);

  // `reason` is a CamelCase word; `message` is for people.
  void record(const kube::ObjectMeta& ring, EventType type, std::string reason, std::string message);

 private:
  struct Series {
    std::string name;
    WallTime first;
    int64_t count = 0;
    TimePoint last_at;
    TimePoint written_at;
  };
  event::Task<void> write(json::Value event, bool again);

  kube::Client& client_;
  Logger log_;
  std::string component_;
  std::map<std::pair<std::string, std::string>, Series> series_;  // by UID of the ring and reason
  event::JobSet writes_;
};

}  // namespace ringside::central
