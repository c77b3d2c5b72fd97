#include "sidecar/watch_continuity.h"

#include <algorithm>

namespace ringside::sidecar {
namespace {

constexpr Duration kSettled = std::chrono::milliseconds(500);
constexpr Duration kPatience = std::chrono::minutes(1);
constexpr Duration kLongest = std::chrono::minutes(2);

}  // namespace

WatchContinuity::Open::Open(WatchContinuity& continuity, const kube::GroupResource& resource)
    : continuity_(continuity), resource_(resource) {
  continuity_.change(resource_, 1);
}

WatchContinuity::Open::~Open() {
  continuity_.change(resource_, -1);
}

Duration WatchContinuity::broken_for(const kube::GroupResource& resource) const {
  auto found = watches_.find(resource);
  if (found == watches_.end()) {
    auto since = broken_unseen();
    return since ? loop_.now() - *since : Duration::zero();
  }
  if (is_whole(found->second)) return Duration::zero();
  Duration broken = loop_.now() - found->second.broken;
  return broken < kLongest ? broken : Duration::zero();
}

std::optional<TimePoint> WatchContinuity::broken_unseen() const {
  return taken_over_ && loop_.now() - *taken_over_ < kPatience ? taken_over_ : std::nullopt;
}

bool WatchContinuity::is_whole(const Watches& watches) const {
  Duration unchanged = loop_.now() - watches.changed;
  return unchanged >= kSettled && (watches.open == watches.most || unchanged >= kPatience);
}

void WatchContinuity::change(const kube::GroupResource& resource, int by) {
  auto [entry, first] = watches_.try_emplace(resource);
  Watches& watches = entry->second;
  if (first || is_whole(watches)) {
    watches.most = watches.open;
    watches.broken = first ? broken_unseen().value_or(loop_.now()) : loop_.now();
  }
  watches.open += by;
  watches.most = std::max(watches.most, watches.open);
  watches.changed = loop_.now();
}

}  // namespace ringside::sidecar
