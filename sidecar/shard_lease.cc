#include "sidecar/shard_lease.h"

#include <algorithm>

#include "event/async.h"
#include "sharding/lease_state.h"
#include "sharding/names.h"

namespace ringside::sidecar {
namespace {

constexpr Duration kReturnPoll = std::chrono::milliseconds(100);
constexpr Duration kReturnWait = std::chrono::seconds(1);
// Of the time between two answers, what counts as waiting: what is longer, the API server was silent for.
constexpr Duration kLongestStep = std::chrono::seconds(3);
constexpr std::chrono::seconds kRetired(1);

bool is_labelled_dead(const std::optional<kube::Lease>& lease) {
  return lease && sharding::is_labelled_dead(lease->metadata.label(sharding::kStateLabel));
}

}  // namespace

ShardLease::ShardLease(kube::Client& client, Logger log, Options options)
    : client_(client), log_(std::move(log)), options_(std::move(options)), mutex_(client.loop()) {}

bool ShardLease::held() const {
  return client_.loop().now() < held_until_;
}

bool ShardLease::goes_on_without_central() const {
  return held() && is_labelled_dead(lease_);
}

event::Task<Result<void>> ShardLease::hold() {
  auto guard = co_await mutex_.lock();
  co_return co_await hold_locked();
}

// A dead shard's objects may be half moved: it would see some of them without their children.
event::Task<Result<void>> ShardLease::wait_until_returned() {
  event::Loop& loop = client_.loop();
  TimePoint began = loop.now();
  count_wait();
  while (is_labelled_dead(lease_) && waited_ < kReturnPatience) {
    if (loop.now() - began >= kReturnWait) {
      co_return failure(ErrorKind::kRetry, "Lease " + options_.ns + "/" + options_.shard +
                                               " is labelled dead: central moves what this shard left");
    }
    co_await event::sleep(loop, kReturnPoll);
    if (auto done = co_await read(); !done) co_return done;
    if (!lease_ || lease_->holder_identity.value_or("") != options_.shard) {
      forget_wait();
      co_return failure(ErrorKind::kRetry, "Lease " + options_.ns + "/" + options_.shard + " was lost again");
    }
    count_wait();
  }
  co_return Result<void>();
}

// The API server has just answered.
void ShardLease::count_wait() {
  TimePoint now = client_.loop().now();
  if (answered_at_) waited_ += std::min(now - *answered_at_, kLongestStep);
  answered_at_ = now;
}

void ShardLease::forget_wait() {
  answered_at_.reset();
  waited_ = Duration::zero();
}

event::Task<Result<void>> ShardLease::release() {
  auto guard = co_await mutex_.lock();
  co_return co_await give_up(options_.duration);
}

event::Task<Result<void>> ShardLease::retire() {
  auto guard = co_await mutex_.lock();
  co_return co_await give_up(kRetired);
}

event::Task<Result<void>> ShardLease::hold_locked() {
  // Twice: what we know of the Lease may be old (a conflict), then we read it first.
  for (int tries = 0; tries < 2; ++tries) {
    if (!lease_ || tries > 0) {
      if (auto done = co_await read(); !done) co_return done;
    }
    if (auto free = check_holder(); !free) {
      set_held_until(TimePoint::min());
      // The next attempt reads again; how long it was unchanged is remembered in changed_at_.
      if (tries > 0) co_return free;
      continue;
    }
    TimePoint before = client_.loop().now();
    auto done = co_await write(renewed());
    if (done && !held()) {
      was_dead_ |= is_labelled_dead(lease_);
      done = co_await wait_until_returned();
    }
    if (done) {
      if (!held()) log_.info("shard Lease acquired");
      if (std::exchange(was_dead_, false)) returned_at_ = client_.loop().now();
      forget_wait();
      set_held_until(before + options_.duration);
      co_return done;
    }
    ErrorKind kind = done.error().kind;
    bool stale = kind == ErrorKind::kConflict || kind == ErrorKind::kExists || kind == ErrorKind::kNotFound;
    if (kind == ErrorKind::kNotFound) lease_.reset();
    if (!stale) co_return done;
  }
  co_return failure(ErrorKind::kConflict,
                    "Lease " + options_.ns + "/" + options_.shard + " is being changed by another");
}

bool ShardLease::is_given_up(std::chrono::seconds duration) const {
  if (!lease_) return true;
  std::string holder = lease_->holder_identity.value_or("");
  if (holder == options_.shard) return false;
  return !holder.empty() || lease_->lease_duration_seconds.value_or(0) <= duration.count();
}

event::Task<Result<void>> ShardLease::give_up(std::chrono::seconds duration) {
  if (is_given_up(duration)) co_return Result<void>();
  forget_wait();
  set_held_until(TimePoint::min());
  for (int tries = 0; tries < 2; ++tries) {
    if (tries > 0) {
      if (auto done = co_await read(); !done) co_return done;
      if (is_given_up(duration)) co_return Result<void>();
    }
    kube::Lease lease = *lease_;
    lease.lease_duration_seconds = int32_t(duration.count());
    lease.renew_time = client_.loop().wall_now();
    if (!lease.holder_identity.value_or("").empty()) {
      lease.holder_identity = "";
      // Central says so, too, but perhaps not before we are back.
      lease.metadata.labels.insert_or_assign(std::string(sharding::kStateLabel),
                                             std::string(sharding::to_string(sharding::ShardState::kDead)));
    }
    auto done = co_await write(std::move(lease));
    if (done) log_.info("shard Lease released", {{"mayReturnWithinSeconds", int64_t(duration.count())}});
    if (done || done.error().kind != ErrorKind::kConflict) co_return done;
  }
  co_return failure(ErrorKind::kConflict,
                    "Lease " + options_.ns + "/" + options_.shard + " is being changed by another");
}

event::Task<Result<void>> ShardLease::read() {
  auto object = co_await client_.get(kube::leases(), options_.ns, options_.shard);
  if (!object && object.error().kind == ErrorKind::kNotFound) {
    observe(std::nullopt);
    co_return Result<void>();
  }
  if (!object) co_return failure(object.error());
  auto lease = kube::lease_from_json(*object);
  if (!lease) co_return failure(lease.error());
  observe(std::move(*lease));
  co_return Result<void>();
}

event::Task<Result<void>> ShardLease::write(kube::Lease lease) {
  bool create = !lease_;
  auto object = create ? co_await client_.create(kube::leases(), options_.ns, kube::to_json(lease))
                       : co_await client_.update(kube::leases(), options_.ns, options_.shard, kube::to_json(lease));
  if (!object) co_return failure(object.error());
  auto written = kube::lease_from_json(*object);
  if (!written) co_return failure(written.error());
  observe(std::move(*written));
  co_return Result<void>();
}

Result<void> ShardLease::check_holder() const {
  if (!lease_) return {};
  std::string holder = lease_->holder_identity.value_or("");
  if (holder.empty() || holder == options_.shard) return {};
  auto duration = std::chrono::seconds(lease_->lease_duration_seconds.value_or(15));
  Duration unchanged = client_.loop().now() - changed_at_;
  if (unchanged >= duration) return {};
  auto rest = std::chrono::ceil<std::chrono::seconds>(duration - unchanged).count();
  return failure(ErrorKind::kConflict, "Lease " + options_.ns + "/" + options_.shard + " is held by '" + holder +
                                           "'; it is ours again if it is not renewed for " + std::to_string(rest) +
                                           " s");
}

kube::Lease ShardLease::renewed() const {
  WallTime now = client_.loop().wall_now();
  kube::Lease lease = lease_.value_or(kube::Lease{});
  lease.metadata.name = options_.shard;
  lease.metadata.ns = options_.ns;
  lease.metadata.labels.insert_or_assign(std::string(sharding::kRingLabel), options_.ring);
  if (!options_.serviceaccount.empty()) {
    lease.metadata.annotations.insert_or_assign(std::string(sharding::kServiceAccountAnnotation),
                                                options_.serviceaccount);
  }
  if (lease.holder_identity.value_or("") != options_.shard) {
    lease.acquire_time = now;
    if (lease_) lease.lease_transitions = lease.lease_transitions.value_or(0) + 1;
  }
  if (!lease.acquire_time) lease.acquire_time = now;
  lease.holder_identity = options_.shard;
  lease.lease_duration_seconds = int32_t(options_.duration.count());
  lease.renew_time = now;
  return lease;
}

void ShardLease::observe(std::optional<kube::Lease> lease) {
  bool changed = !lease || !lease_ || lease->metadata.resource_version != lease_->metadata.resource_version;
  if (changed) changed_at_ = client_.loop().now();
  lease_ = std::move(lease);
}

void ShardLease::set_held_until(TimePoint until) {
  bool before = held();
  held_until_ = until;
  if (before != held()) on_change_();
}

}  // namespace ringside::sidecar
