#include "central/shard_lease_reconciler.h"

#include <algorithm>
#include <vector>

#include "base/rfc3339.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

using sharding::ShardState;

// After a failure that nothing will tell us to have ended.
constexpr Duration kRetry = std::chrono::seconds(2);
// An answer that takes longer means that the API server stood still.
constexpr Duration kStall = std::chrono::seconds(3);
// Nothing to wait for: events wake us.
constexpr Duration kIdle = std::chrono::minutes(5);

kube::WriteOptions as_central() {
  kube::WriteOptions options;
  options.field_manager = sharding::kCentralFieldManager;
  return options;
}

Logger log_of(const Logger& log, const ShardLease& lease) {
  return log.with({{"controllerring", lease.ring}, {"shard", to_string(lease.name)}});
}

}  // namespace

json::Value taken_lease(json::Value lease, WallTime now) {
  sharding::LeaseRecord record = sharding::parse_lease_record(lease);
  auto duration = record.has_times() ? Duration(*record.duration) : sharding::kDefaultLeaseDuration;
  json::Value& spec = lease["spec"];
  spec["holderIdentity"] = sharding::kTakenLeaseHolder;
  spec["leaseDurationSeconds"] = 2 * std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  spec["acquireTime"] = to_rfc3339_micro(now);
  spec["renewTime"] = to_rfc3339_micro(now);
  spec["leaseTransitions"] = lease.int_at({"spec", "leaseTransitions"}) + 1;
  lease["metadata"]["labels"][sharding::kStateLabel] = sharding::to_string(ShardState::kDead);
  return lease;
}

ShardLeaseReconciler::ShardLeaseReconciler(kube::Client& client, Logger log, RingStore& store)
    : client_(client),
      log_(std::move(log)),
      store_(store),
      changed_(client.loop()),
      subscription_(store,
                    [this](const std::string&, RingChange change) {
                      if (change == RingChange::kLeases) changed_.notify();
                    }),
      job_(client.loop(), run()) {}

void ShardLeaseReconciler::set_moving(const std::string& ring, bool moving) {
  if (moving) {
    moving_.insert(ring);
  } else if (moving_.erase(ring) > 0) {
    changed_.notify();
  }
}

event::Task<void> ShardLeaseReconciler::run() {
  for (;;) {
    Duration look_again = kIdle;
    // Names first: the store changes while requests are under way.
    std::vector<kube::NamespacedName> names;
    for (const auto& [name, _] : store_.leases()) names.push_back(name);
    for (const kube::NamespacedName& name : names) {
      auto lease = store_.leases().find(name);
      if (lease == store_.leases().end()) continue;
      look_again = std::min(look_again, co_await reconcile(lease->second));
    }
    co_await event::wait_for(client_.loop(), changed_, look_again);
  }
}

// Returns when to look at this Lease again, if nothing changes until then.
event::Task<Duration> ShardLeaseReconciler::reconcile(ShardLease lease) {
  sharding::ShardStatus status = lease.observer.status(client_.loop().now());
  Result<void> done;
  if (must_wait(lease, status.state)) co_return status.look_again;
  if (lease.state_label != sharding::to_string(status.state)) done = co_await label_state(lease, status.state);
  if (done && status.state == ShardState::kUncertain) done = co_await take(lease);
  if (done && status.state == ShardState::kOrphaned) done = co_await remove(lease);
  if (done) co_return status.look_again;
  // Changed or gone: the informer will say so, and then we look again.
  if (done.error().kind == ErrorKind::kConflict || done.error().kind == ErrorKind::kNotFound)
    co_return status.look_again;
  // Where we cannot read and write, shards perhaps could not renew either.
  store_.begin_gap();
  log_of(log_, lease).warn("shard Lease: request failed, trying again", {{"error", done.error().message}});
  co_return kRetry;
}

bool ShardLeaseReconciler::must_wait(const ShardLease& lease, ShardState state) const {
  return sharding::is_available(state) && sharding::is_labelled_dead(lease.state_label) && moving_.contains(lease.ring);
}

event::Task<Result<void>> ShardLeaseReconciler::label_state(ShardLease& lease, ShardState state) {
  log_of(log_, lease).info("shard: new state", {{"from", lease.state_label}, {"to", sharding::to_string(state)}});
  json::Value patch;
  patch["metadata"]["resourceVersion"] = lease.resource_version;
  patch["metadata"]["labels"][sharding::kStateLabel] = sharding::to_string(state);
  auto patched = co_await client_.patch(kube::leases(), lease.name.ns, lease.name.name, kube::PatchType::kMerge,
                                        std::move(patch), as_central());
  if (!patched) co_return failure(patched.error());
  lease.resource_version = patched->string_at({"metadata", "resourceVersion"});
  co_return Result<void>();
}

event::Task<Result<void>> ShardLeaseReconciler::take(const ShardLease& lease) {
  // Read live: what we have seen may be old, and a stall of the API server kept the shard from renewing, too.
  TimePoint begin = client_.loop().now();
  auto present = co_await client_.get(kube::leases(), lease.name.ns, lease.name.name);
  if (!present) co_return failure(present.error());
  if (client_.loop().now() - begin > kStall) store_.begin_gap();
  if (store_.has_gap()) {
    store_.end_gap();
    changed_.notify();
    co_return Result<void>();
  }
  if (sharding::parse_lease_record(*present) != lease.observer.lease()) co_return Result<void>();
  log_of(log_, lease)
      .warn("shard: did not renew its Lease for two durations, taking it",
            {{"renew_time", present->string_at({"spec", "renewTime"})}});
  auto updated = co_await client_.update(kube::leases(), lease.name.ns, lease.name.name,
                                         taken_lease(std::move(*present), client_.loop().wall_now()), as_central());
  if (!updated) co_return failure(updated.error());
  co_return Result<void>();
}

event::Task<Result<void>> ShardLeaseReconciler::remove(const ShardLease& lease) {
  log_of(log_, lease).info("shard: dead for over a minute, deleting its Lease");
  kube::DeleteOptions options{.uid = lease.uid, .resource_version = lease.resource_version};
  co_return co_await client_.remove(kube::leases(), lease.name.ns, lease.name.name, std::move(options));
}

}  // namespace ringside::central
