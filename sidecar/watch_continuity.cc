#include "sidecar/watch_continuity.h"

#include <algorithm>

namespace ringside::sidecar {
namespace {

constexpr Duration kReopened = std::chrono::seconds(20);

}  // namespace

WatchContinuity::Open::Open(WatchContinuity& continuity, const kube::GroupResource& resource)
    : continuity_(continuity), resource_(resource) {
  continuity_.change(resource_, 1);
}

WatchContinuity::Open::~Open() {
  continuity_.change(resource_, -1);
}

void WatchContinuity::change(const kube::GroupResource& resource, int by) {
  Watches& watches = watches_[resource];
  TimePoint now = loop_.now();
  if (now - watches.changed >= kReopened) watches.most = watches.open;
  watches.open += by;
  watches.most = std::max(watches.most, watches.open);
  watches.changed = now;
}

bool WatchContinuity::unbroken_for(Duration duration, const kube::GroupResource& resource) const {
  auto found = watches_.find(resource);
  if (found == watches_.end()) return true;
  const Watches& watches = found->second;
  Duration unchanged = loop_.now() - watches.changed;
  return unchanged >= duration && (watches.open == watches.most || unchanged >= kReopened);
}

}  // namespace ringside::sidecar
