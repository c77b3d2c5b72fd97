#include "central/event_recorder.h"

#include "base/rfc3339.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

constexpr Duration kSeries = std::chrono::minutes(10);
constexpr Duration kRewrite = std::chrono::seconds(10);
// Where client-go puts the Events of cluster-scoped objects.
constexpr char kNamespace[] = "default";

kube::ResourceType events() {
  return {"", "v1", "events"};
}

}  // namespace

EventRecorder::EventRecorder(kube::Client& client, Logger log, std::string component)
    : client_(client), log_(std::move(log)), component_(std::move(component)), writes_(client.loop()) {}

void EventRecorder::record(const kube::ObjectMeta& ring, EventType type, std::string reason, std::string message) {
  TimePoint now = client_.loop().now();
  WallTime wall = client_.loop().wall_now();
  std::erase_if(series_, [now](const auto& each) { return now - each.second.last_at > kSeries; });
  Series& series = series_[{ring.uid, reason}];
  bool again = series.count > 0;
  if (!again) {
    series.first = wall;
    series.name = ring.name + "." + std::to_string(wall.time_since_epoch().count()) + "." +
                  std::to_string(client_.loop().random() % 100'000);
  }
  ++series.count;
  series.last_at = now;
  if (again && now - series.written_at < kRewrite) return;
  series.written_at = now;
  writes_.add(
      write(json::Value::object({{"apiVersion", "v1"},
                                 {"kind", "Event"},
                                 {"metadata", json::Value::object({{"name", series.name}, {"namespace", kNamespace}})},
                                 {"involvedObject", json::Value::object({{"apiVersion", sharding::kApiVersion},
                                                                         {"kind", sharding::kControllerRingKind},
                                                                         {"name", ring.name},
                                                                         {"uid", ring.uid}})},
                                 {"type", type == EventType::kWarning ? "Warning" : "Normal"},
                                 {"reason", std::move(reason)},
                                 {"message", std::move(message)},
                                 {"source", json::Value::object({{"component", component_}})},
                                 {"firstTimestamp", to_rfc3339(series.first)},
                                 {"lastTimestamp", to_rfc3339(wall)},
                                 {"count", series.count}}),
            again));
}

event::Task<void> EventRecorder::write(json::Value event, bool again) {
  std::string name(event.string_at({"metadata", "name"}));
  kube::WriteOptions options;
  options.field_manager = sharding::kCentralFieldManager;
  auto written = again ? co_await client_.patch(events(), kNamespace, name, kube::PatchType::kMerge, std::move(event),
                                                std::move(options))
                       : co_await client_.create(events(), kNamespace, std::move(event), std::move(options));
  if (!written) log_.warn("an Event could not be written", {{"error", written.error().message}});
}

}  // namespace ringside::central
