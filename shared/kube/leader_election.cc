#include "kube/leader_election.h"

#include <algorithm>
#include <limits>

#include "base/rfc3339.h"
#include "event/async.h"

namespace ringside::kube {
namespace {

int64_t whole_seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

constexpr int64_t kMostInLease = std::numeric_limits<int32_t>::max();

// A number of the spec, as far as a Lease may hold it: what is reckoned with must not depend on who has judged it
// before.
int64_t number_of(const json::Value& spec, std::string_view name) {
  return std::clamp<int64_t>(spec.int_at({name}), 0, kMostInLease);
}

}  // namespace

void ObservedElection::observe(std::optional<json::Value> lease, TimePoint now) {
  const json::Value* spec = lease ? lease->find("spec") : nullptr;
  json::Value seen = spec ? *spec : json::Value();
  if (seen != spec_ || lease.has_value() != lease_.has_value()) changed_at_ = now;
  spec_ = std::move(seen);
  lease_ = std::move(lease);
}

std::string_view ObservedElection::holder() const {
  return spec_.string_at({"holderIdentity"});
}

bool ObservedElection::may_take(TimePoint now) const {
  if (holder().empty() || held_by_us()) return true;
  return now >= changed_at_ + std::chrono::seconds(number_of(spec_, "leaseDurationSeconds"));
}

json::Value ObservedElection::acquired(WallTime now) const {
  WallTime since = now;
  int64_t transitions = number_of(spec_, "leaseTransitions");
  if (held_by_us()) {
    since = parse_rfc3339(spec_.string_at({"acquireTime"})).value_or(now);
  } else if (lease_) {
    transitions = std::min(transitions + 1, kMostInLease);
  }
  return lease_with(options_.identity, whole_seconds(options_.lease_duration), since, now, transitions);
}

json::Value ObservedElection::released(WallTime now) const {
  return lease_with("", 1, now, now, number_of(spec_, "leaseTransitions"));
}

json::Value ObservedElection::lease_with(std::string_view holder, int64_t seconds, WallTime acquired, WallTime now,
                                         int64_t transitions) const {
  json::Value lease =
      lease_ ? *lease_
             : json::Value::object(
                   {{"apiVersion", "coordination.k8s.io/v1"},
                    {"kind", "Lease"},
                    {"metadata", json::Value::object({{"name", options_.name}, {"namespace", options_.ns}})}});
  json::Value& spec = lease["spec"];
  spec["holderIdentity"] = holder;
  spec["leaseDurationSeconds"] = seconds;
  spec["acquireTime"] = to_rfc3339_micro(acquired);
  spec["renewTime"] = to_rfc3339_micro(now);
  spec["leaseTransitions"] = transitions;
  return lease;
}

LeaderElection::LeaderElection(Client& client, Logger log, LeaderElectionOptions options, Callbacks callbacks)
    : client_(client),
      log_(log.with({{"lease", options.ns + "/" + options.name}, {"identity", options.identity}})),
      options_(options),
      callbacks_(std::move(callbacks)),
      observed_(std::move(options)),
      job_(client.loop(), run()) {}

event::Task<void> LeaderElection::run() {
  for (;;) {
    if (auto acquired = co_await try_acquire_or_renew(); !acquired) {
      report(acquired.error());
      co_await event::sleep(client_.loop(), jittered_retry_period());
      continue;
    }
    if (!observed_.held_by_us()) {
      co_await event::sleep(client_.loop(), jittered_retry_period());
      continue;
    }
    log_.info("became leader");
    last_error_.clear();
    leading_ = true;
    callbacks_.on_started();
    co_await renew_until_lost();
    leading_ = false;
    callbacks_.on_stopped();
  }
}

event::Task<void> LeaderElection::renew_until_lost() {
  event::Loop& loop = client_.loop();
  auto time_left = [&] { return renewed_at_ + options_.renew_deadline - loop.now(); };
  for (;;) {
    co_await event::sleep(loop, std::min(options_.retry_period, time_left()));
    if (time_left() <= Duration::zero()) break;
    auto renewed = co_await event::with_timeout(loop, time_left(), "lease renewal", try_acquire_or_renew());
    if (renewed && observed_.held_by_us()) {
      last_error_.clear();
    } else if (renewed) {
      log_.warn("no longer leader: the Lease was taken", {{"holder", observed_.holder()}});
      co_return;
    } else {
      report(renewed.error());
    }
  }
  log_.error("no longer leader: the Lease could not be renewed in time",
             {{"deadline_seconds", whole_seconds(options_.renew_deadline)}, {"error", last_error_}});
}

// Success says that the Lease was read or written; observed_ says who holds it now.
event::Task<Result<void>> LeaderElection::try_acquire_or_renew() {
  event::Loop& loop = client_.loop();
  if (leading_ && observed_.held_by_us()) {
    // What we wrote last is most likely what is there still.
    auto written = co_await write(observed_.acquired(loop.wall_now()));
    if (written) co_return written;
    ErrorKind kind = written.error().kind;
    if (kind != ErrorKind::kConflict && kind != ErrorKind::kNotFound) co_return written;
  }
  if (auto seen = co_await read(); !seen) co_return seen;
  if (!observed_.may_take(loop.now())) co_return Result<void>();
  co_return co_await write(observed_.acquired(loop.wall_now()));
}

event::Task<Result<void>> LeaderElection::read() {
  auto lease = co_await client_.get(leases(), options_.ns, options_.name);
  if (lease) {
    observed_.observe(std::move(*lease), client_.loop().now());
  } else if (lease.error().kind == ErrorKind::kNotFound) {
    observed_.observe(std::nullopt, client_.loop().now());
  } else {
    co_return failure(lease.error());
  }
  co_return Result<void>();
}

event::Task<Result<void>> LeaderElection::write(json::Value lease) {
  TimePoint begin = client_.loop().now();
  Result<json::Value> written = failure(ErrorKind::kInternal, "not written");
  if (observed_.exists()) {
    written = co_await client_.update(leases(), options_.ns, options_.name, std::move(lease));
  } else {
    written = co_await client_.create(leases(), options_.ns, std::move(lease));
  }
  if (!written) co_return failure(written.error());
  observed_.observe(std::move(*written), client_.loop().now());
  renewed_at_ = begin;
  co_return Result<void>();
}

event::Task<void> LeaderElection::release() {
  job_ = {};
  if (!leading_) co_return;
  leading_ = false;
  callbacks_.on_stopped();
  auto give_back = [](LeaderElection& self) -> event::Task<Result<void>> {
    // A renewal may have been on its way when it was cancelled, so what is there is read first.
    if (auto seen = co_await self.read(); !seen) co_return seen;
    if (!self.observed_.held_by_us()) co_return Result<void>();
    co_return co_await self.write(self.observed_.released(self.client_.loop().wall_now()));
  };
  event::Loop& loop = client_.loop();
  auto released = co_await event::with_timeout(loop, options_.renew_deadline, "lease release", give_back(*this));
  if (released) {
    log_.info("gave up leadership");
  } else {
    log_.warn("the Lease could not be given back; the next leader waits until it expires",
              {{"error", released.error().message}});
  }
}

void LeaderElection::report(const Error& error) {
  // Another candidate was faster: not worth a line.
  if (error.kind == ErrorKind::kConflict || error.kind == ErrorKind::kExists) return;
  if (error.message == last_error_) return;
  last_error_ = error.message;
  log_.warn("leader election: request failed, trying again", {{"error", error.message}});
}

Duration LeaderElection::jittered_retry_period() {
  double factor = 1.0 + 1.2 * double(client_.loop().random() % 1024) / 1024.0;
  return std::chrono::duration_cast<Duration>(options_.retry_period * factor);
}

}  // namespace ringside::kube
