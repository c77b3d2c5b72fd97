#include "central/rebalancer.h"

#include <algorithm>

namespace ringside::central {
namespace {

// Objects without a shard are looked for this often. The list is empty but for controlled kinds' objects that have no
// controller, and comes from the API server's cache.
constexpr Duration kUnassigned = std::chrono::seconds(4);
// After a change, the webhook configuration may take seconds to be in force, and another replica of the webhook may
// have answered from an older ring: what is unassigned then was not missed by anybody.
constexpr Duration kSettled = std::chrono::seconds(15);
// Children that were left behind are looked for among all objects, the more rarely the longer that takes.
constexpr Duration kStragglers = std::chrono::seconds(4);
constexpr int kStragglersShare = 10;
// What is still left behind after that will not be hurried: a shard that hangs.
constexpr Duration kHurry = std::chrono::minutes(2);
constexpr Duration kSlowStragglers = std::chrono::seconds(30);

// Whether a leader before this one has told in the ring's status of all that there is now: it has assigned what it
// found.
bool was_cared_for(const RingStore& store, const std::string& ring) {
  auto snapshot = store.find(ring);
  if (!snapshot || !snapshot->object) return false;
  const sharding::ControllerRingStatus& status = snapshot->object->status;
  return status.observed_generation == snapshot->meta.generation && status.available_shards > 0 &&
         status.available_shards == store.available_count(ring) &&
         status.available_shards == int64_t(snapshot->shards->shards().size());  // none waits for its fence
}

}  // namespace

RingRebalancer::RingRebalancer(SyncContext& context, const RingStore& store, std::string ring, Duration sync_period,
                               const SyncObserver& observer)
    : context_(context),
      store_(store),
      ring_(std::move(ring)),
      sync_period_(sync_period),
      observer_(observer),
      again_(context.client.loop()),
      pools_(context) {
  restart();
}

void RingRebalancer::restart() {
  if (auto sync = sync_.lock()) sync->retire();
  changed_at_ = context_.client.loop().now();
  observer_.set_moving(ring_, true);
  job_ = event::Job(context_.client.loop(), run());
}

void RingRebalancer::set_settled() {
  changed_at_ = context_.client.loop().now() - 2 * kSettled;
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
      good = co_await assign_unassigned();
      if (good && left_behind_ > 0 && loop.now() >= next_stragglers_) good = co_await move_stragglers();
    }
    if (!good) {
      co_await event::sleep(loop, backoff.next(loop.random()));
      continue;
    }
    backoff.reset();
    if (co_await event::wait_for(loop, again_, std::min(kUnassigned, next_full - loop.now()))) next_full = loop.now();
  }
}

event::Task<bool> RingRebalancer::full_sync() {
  auto snapshot = store_.find(ring_);
  auto homeless_moved = [this] { observer_.set_moving(ring_, false); };
  if (!snapshot || !snapshot->object) {
    homeless_moved();
    co_return true;  // the ring's condition says what is wrong
  }
  std::set<std::string> present(snapshot->shards->shards().begin(), snapshot->shards->shards().end());
  // Consistent hashing moves nothing from one shard to another when shards leave. But of a handover that had begun the
  // children may be on a shard that stays, while their owner's leaves: they are found among all objects only.
  bool shards_left = synced_shards_ && *synced_shards_ != present && std::ranges::includes(*synced_shards_, present) &&
                     left_behind_ == 0;
  synced_shards_.reset();

  TimePoint began = context_.client.loop().now();
  auto sync = begin(*snapshot);
  auto done = co_await sync->run(shards_left ? RingSync::Scope::kHomeless : RingSync::Scope::kAll, homeless_moved);
  left_behind_ = sync->pending();
  next_stragglers_ = context_.client.loop().now() + kStragglers;
  if (done) synced_shards_ = std::move(present);
  co_return report(shards_left ? "homeless" : "full", began, done, *sync);
}

event::Task<bool> RingRebalancer::assign_unassigned() {
  auto snapshot = store_.find(ring_);
  if (!snapshot || !snapshot->object || snapshot->shards->empty()) co_return true;
  TimePoint began = context_.client.loop().now();
  auto sync = begin(*snapshot);
  auto done = co_await sync->assign_unassigned();
  co_return report("unassigned", began, done, *sync);
}

event::Task<bool> RingRebalancer::move_stragglers() {
  auto snapshot = store_.find(ring_);
  if (!snapshot || !snapshot->object || snapshot->shards->empty()) co_return true;
  TimePoint began = context_.client.loop().now();
  auto sync = begin(*snapshot);
  auto done = co_await sync->move_stragglers();
  left_behind_ = sync->pending();
  TimePoint now = context_.client.loop().now();
  next_stragglers_ =
      now + (now - changed_at_ > kHurry ? kSlowStragglers : std::max(kStragglers, kStragglersShare * (now - began)));
  co_return report("stragglers", began, done, *sync);
}

std::shared_ptr<RingSync> RingRebalancer::begin(const RingSnapshot& snapshot) {
  departed_.update(snapshot.shards->shards(), context_.client.loop().now());
  auto sync = RingSync::make(context_, pools_, snapshot, departed_.names());
  sync_ = sync;
  return sync;
}

bool RingRebalancer::report(std::string_view kind, TimePoint began, const Result<void>& result, const RingSync& sync) {
  context_.metrics.observe_sync(ring_, kind, context_.client.loop().now() - began);
  SyncOutcome outcome;
  if (!result) outcome.problem = result.error();
  if (settled() && sync.found_unassigned() > 0) {
    outcome.orphans = sync.found_unassigned();
    outcome.orphan = sync.example();
    context_.metrics.count_orphans(ring_, outcome.orphans);
  }
  observer_.report(ring_, outcome);
  return result.has_value();
}

bool RingRebalancer::settled() const {
  return context_.client.loop().now() - changed_at_ > kSettled;
}

Rebalancer::Rebalancer(SyncContext& context, RingStore& store, Duration sync_period, SyncObserver observer)
    : context_(context),
      store_(store),
      sync_period_(sync_period),
      observer_(std::move(observer)),
      subscription_(store, [this](const std::string& ring, RingChange change) { on_change(ring, change); }) {
  for (const std::string& ring : store.ring_names()) {
    on_change(ring, RingChange::kObject);
    if (was_cared_for(store, ring)) rings_.at(ring)->set_settled();
  }
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
    rings_.emplace(ring, std::make_unique<RingRebalancer>(context_, store_, ring, sync_period_, observer_));
  } else if (!same_spec) {
    existing->second->restart_anew();
  } else if (change == RingChange::kMembership) {
    existing->second->restart();
  }
}

}  // namespace ringside::central
