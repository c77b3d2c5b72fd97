#include "sidecar/co_held_lease.h"

#include "event/loop.h"
#include "sharding/names.h"

namespace ringside::sidecar {
namespace {

Duration duration_of(const kube::Lease& lease) {
  return std::chrono::seconds(lease.lease_duration_seconds.value_or(15));
}

}  // namespace

CoHeldLease::CoHeldLease(kube::Client& client, Logger log, std::string ring, kube::NamespacedName name)
    : client_(client),
      log_(log.with({{"lease", to_string(name)}})),
      identity_(sharding::election_identity(ring)),
      name_(std::move(name)),
      mutex_(client.loop()) {}

bool CoHeldLease::held_by_ring() const {
  return lease_ && lease_->holder_identity.value_or("") == identity_;
}

bool CoHeldLease::held_by_other() const {
  if (!lease_ || lease_->holder_identity.value_or("").empty() || held_by_ring()) return false;
  return client_.loop().now() - changed_at_ < duration_of(*lease_);
}

event::Task<Result<std::optional<kube::Lease>>> CoHeldLease::read() {
  auto object = co_await client_.get(kube::leases(), name_.ns, name_.name);
  if (!object) {
    if (object.error().kind != ErrorKind::kNotFound) co_return failure(object.error());
    observe(std::nullopt);
    co_return lease_;
  }
  auto lease = kube::lease_from_json(*object);
  if (!lease) co_return failure(lease.error());
  observe(std::move(*lease));
  co_return lease_;
}

event::Task<Result<void>> CoHeldLease::co_hold(const kube::Lease& wanted) {
  auto guard = co_await mutex_.lock();
  // Another sidecar's renewal counts as ours, once we have read it: so the Lease is renewed about once per third of its
  // duration, however many sidecars there are.
  bool fresh = held_by_ring() && client_.loop().now() - changed_at_ < duration_of(*lease_) / 3;
  if (fresh) co_return Result<void>();
  Result<void> done;
  for (int tries = 0; tries < 3; ++tries) {
    if (auto lease = co_await read(); !lease) co_return failure(lease.error());
    if (held_by_other()) {
      co_return failure(ErrorKind::kConflict, "election Lease " + to_string(name_) + " is held by '" +
                                                  lease_->holder_identity.value_or("") +
                                                  "', which is no shard of this ring; it leads until it lets go");
    }
    if (held_by_ring() && client_.loop().now() - changed_at_ < duration_of(*lease_) / 3) co_return Result<void>();
    done = co_await write(wanted);
    bool raced = !done && (done.error().kind == ErrorKind::kConflict || done.error().kind == ErrorKind::kExists);
    if (!raced) break;
  }
  co_return done;
}

event::Task<Result<void>> CoHeldLease::write(const kube::Lease& wanted) {
  WallTime now = client_.loop().wall_now();
  kube::Lease lease = lease_.value_or(kube::Lease{});
  lease.metadata.name = name_.name;
  lease.metadata.ns = name_.ns;
  if (!held_by_ring()) {
    log_.info("taking the election Lease for the ring", {{"from", lease.holder_identity.value_or("")}});
    lease.acquire_time = now;
    lease.lease_transitions = lease_ ? lease.lease_transitions.value_or(0) + 1 : 0;
  }
  lease.holder_identity = identity_;
  // A controller that releases writes a duration of one second; that is not for the others.
  lease.lease_duration_seconds = std::max(wanted.lease_duration_seconds.value_or(15), 2);
  lease.renew_time = now;
  auto object = lease_ ? co_await client_.update(kube::leases(), name_.ns, name_.name, kube::to_json(lease))
                       : co_await client_.create(kube::leases(), name_.ns, kube::to_json(lease));
  if (!object) co_return failure(object.error());
  auto written = kube::lease_from_json(*object);
  if (!written) co_return failure(written.error());
  observe(std::move(*written));
  co_return Result<void>();
}

void CoHeldLease::observe(std::optional<kube::Lease> lease) {
  bool changed = !lease || !lease_ || lease->metadata.resource_version != lease_->metadata.resource_version;
  if (changed) changed_at_ = client_.loop().now();
  lease_ = std::move(lease);
}

}  // namespace ringside::sidecar
