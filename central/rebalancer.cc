#include "central/rebalancer.h"

#include <algorithm>

namespace ringside::central {
namespace {

// After a change, the webhook configuration may take seconds to be in force, children wait for their owners, and
// another replica of the webhook may have answered from an older ring.
constexpr Duration kFirstQuickSync = std::chrono::seconds(2);
constexpr Duration kQuickSync = std::chrono::seconds(5);
constexpr int kQuickSyncsAfterChange = 3;
// What is still left behind after a minute will not be hurried: a shard that hangs, a webhook that cannot be reached.
constexpr int kQuickSyncsForTheRest = 12;
// In quiet times: finds what was created while the webhook was away.
constexpr Duration kSlowQuickSync = std::chrono::seconds(10);

}  // namespace

RingRebalancer::RingRebalancer(SyncContext& context, const RingStore& store, std::string ring, Duration sync_period,
                               Report report)
    : context_(context),
      store_(store),
      ring_(std::move(ring)),
      sync_period_(sync_period),
      report_(std::move(report)),
      again_(context.client.loop()) {
  restart();
}

void RingRebalancer::restart() {
  quick_syncs_ = 0;
  job_ = event::Job(context_.client.loop(), run());
}

event::Task<void> RingRebalancer::run() {
  event::Loop& loop = context_.client.loop();
  Backoff backoff({.initial = std::chrono::seconds(1), .max = std::chrono::seconds(30)});
  TimePoint next_full = loop.now();
  for (;;) {
    bool good = true;
    if (loop.now() >= next_full) {
      good = co_await full_sync();
      if (good) next_full = loop.now() + sync_period_;
    } else {
      good = co_await quick_sync();
      ++quick_syncs_;
    }
    if (!good) {
      co_await event::sleep(loop, backoff.next(loop.random()));
      continue;
    }
    backoff.reset();
    Duration wait = std::min(until_quick_sync(), next_full - loop.now());
    if (co_await event::wait_for(loop, again_, wait)) {
      next_full = loop.now();
      quick_syncs_ = 0;
    }
  }
}

Duration RingRebalancer::until_quick_sync() const {
  if (quick_syncs_ == 0) return kFirstQuickSync;
  return quick_syncs_ < (left_behind_ ? kQuickSyncsForTheRest : kQuickSyncsAfterChange) ? kQuickSync : kSlowQuickSync;
}

event::Task<bool> RingRebalancer::full_sync() {
  auto snapshot = store_.find(ring_);
  if (!snapshot || !snapshot->object) co_return true;  // the ring's condition says what is wrong
  const auto& present = snapshot->shards->shards();
  std::set<std::string> dead = known_shards_;
  for (const std::string& shard : present) dead.erase(shard);
  known_shards_.insert(present.begin(), present.end());

  RingSync sync(context_, *snapshot);
  auto done = co_await sync.run(dead);
  left_behind_ = sync.pending() > 0 || sync.unassigned() > 0;
  if (done) known_shards_ = {present.begin(), present.end()};
  co_return report(done);
}

event::Task<bool> RingRebalancer::quick_sync() {
  auto snapshot = store_.find(ring_);
  if (!snapshot || !snapshot->object || snapshot->shards->empty()) co_return true;
  RingSync assign(context_, *snapshot);
  auto assigned = co_await assign.assign_unassigned();
  if (!assigned) co_return report(assigned);

  RingSync move(context_, *snapshot);
  if (left_behind_) {
    auto moved = co_await move.move_stragglers();
    if (!moved) co_return report(moved);
  }
  left_behind_ = assign.unassigned() > 0 || move.pending() > 0;
  co_return report({});
}

bool RingRebalancer::report(const Result<void>& result) {
  report_(ring_, result ? std::nullopt : std::optional(result.error()));
  return result.has_value();
}

Rebalancer::Rebalancer(SyncContext& context, RingStore& store, Duration sync_period, RingRebalancer::Report report)
    : context_(context),
      store_(store),
      sync_period_(sync_period),
      report_(std::move(report)),
      subscription_(store, [this](const std::string& ring, RingChange change) { on_change(ring, change); }) {
  for (const std::string& ring : store.ring_names()) on_change(ring, RingChange::kObject);
}

void Rebalancer::sync_all() {
  for (auto& [_, ring] : rings_) ring->sync_again();
}

void Rebalancer::on_change(const std::string& ring, RingChange change) {
  if (change == RingChange::kLeases) return;
  auto snapshot = store_.find(ring);
  if (!snapshot) {
    rings_.erase(ring);
    specs_.erase(ring);
    return;
  }
  auto existing = rings_.find(ring);
  // Our own writes of the status are changes of the object, too.
  auto spec = snapshot->object ? snapshot->object->spec : sharding::ControllerRingSpec();
  bool same_spec = existing != rings_.end() && specs_[ring] == spec;
  specs_[ring] = std::move(spec);
  if (existing == rings_.end()) {
    rings_.emplace(ring, std::make_unique<RingRebalancer>(context_, store_, ring, sync_period_, report_));
  } else if (change == RingChange::kMembership || !same_spec) {
    existing->second->restart();
  }
}

}  // namespace ringside::central
