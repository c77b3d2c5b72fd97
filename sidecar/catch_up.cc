#include "sidecar/catch_up.h"

#include <algorithm>

#include "base/rfc3339.h"
#include "sharding/names.h"
#include "sidecar/bounded_map.h"

namespace ringside::sidecar {
namespace {

// A controller that is stopped for longer loses its shard, and what comes to it later finds all its caches new.
constexpr Duration kLately = std::chrono::seconds(20);
constexpr Duration kCatchUp = std::chrono::milliseconds(500);

}  // namespace

std::optional<CatchUp::Gap> CatchUp::gap(const std::string& uid, const json::Value& owner,
                                         const kube::GroupResource& awaited, std::optional<TimePoint> other) {
  TimePoint now = client_.loop().now();
  Arrival arrival{.handed_over = handed_over(owner), .other = other};
  Duration age = Duration::max();
  Gap gap = Gap::kArrival;
  if (auto ago = arrived_ago(owner)) age = *ago;
  if (other && now - *other < age) {
    age = now - *other;
    gap = Gap::kOther;
  }
  Duration broken = watches_.broken_for(awaited);
  if (age - broken >= kLately) return std::nullopt;
  auto known = refused_.find(uid);
  if (known != refused_.end() && known->second.arrival == arrival) {
    bool waited = now - known->second.first >= kCatchUp && broken == Duration::zero();
    return waited ? std::nullopt : std::optional(gap);
  }
  make_room(refused_, [&](const auto& entry) { return now - entry.second.first > kLately; });
  refused_.insert_or_assign(uid, Refusal{.arrival = arrival, .first = now, .gap = gap});
  return gap;
}

std::optional<CatchUp::Gap> CatchUp::gap_until_now(const std::string& uid) const {
  auto known = refused_.find(uid);
  if (known == refused_.end() || client_.loop().now() - known->second.first >= kCatchUp) return std::nullopt;
  return known->second.gap;
}

bool CatchUp::has_just_come(const json::Value& owner) const {
  auto ago = arrived_ago(owner);
  return ago && *ago < kLately;
}

std::optional<Duration> CatchUp::arrived_ago(const json::Value& owner) const {
  auto server_now = client_.server_now();
  auto came = handed_over(owner);
  return server_now && came ? std::optional(*server_now - *came) : std::nullopt;
}

std::optional<TimePoint> CatchUp::first_refusal(const std::string& uid) const {
  auto known = refused_.find(uid);
  return known == refused_.end() ? std::nullopt : std::optional(known->second.first);
}

std::optional<WallTime> CatchUp::handed_over(const json::Value& owner) const {
  std::optional<WallTime> latest;
  for (const json::Value& entry : owner.array_at({"metadata", "managedFields"})) {
    std::string_view manager = entry.string_at({"manager"});
    if (manager != sharding::kSidecarFieldManager && manager != sharding::kCentralFieldManager) continue;
    if (entry.at({"fieldsV1", "f:metadata", "f:labels", "f:" + shard_label_}) == nullptr) continue;
    if (auto written = parse_rfc3339(entry.string_at({"time"}))) latest = std::max(latest, std::optional(*written));
  }
  return latest;
}

}  // namespace ringside::sidecar
