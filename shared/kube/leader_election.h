// Leader election over a Lease, with the rules and times of client-go's leaderelection package.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/log.h"
#include "event/job.h"
#include "kube/client.h"

namespace ringside::kube {

struct LeaderElectionOptions {
  std::string ns;
  std::string name;
  std::string identity;                                // unique among the processes that may run at the same time
  Duration lease_duration = std::chrono::seconds(15);  // others wait so long after the last renewal that they saw
  Duration renew_deadline = std::chrono::seconds(10);  // the leader gives up after so long without a renewal
  Duration retry_period = std::chrono::seconds(2);     // between two tries to acquire or to renew
};

// What a candidate has seen of the Lease, and what it would write. Whether another leader is alive is judged by when
// its Lease was seen to change, never by the times in it: clocks of two nodes may differ. A value; does no I/O.
class ObservedElection {
 public:
  explicit ObservedElection(LeaderElectionOptions options) : options_(std::move(options)) {}

  // The Lease as the API server has it now; nullopt if there is none.
  void observe(std::optional<json::Value> lease, TimePoint now);

  // Empty if nobody holds the Lease.
  std::string_view holder() const;
  bool held_by_us() const { return holder() == options_.identity; }
  // Whether we hold it already, nobody does, or who does has not renewed it for its duration.
  bool may_take(TimePoint now) const;

  // The whole object to create or to update, with the resourceVersion that was observed.
  json::Value acquired(WallTime now) const;
  json::Value released(WallTime now) const;
  bool exists() const { return lease_.has_value(); }

 private:
  json::Value lease_with(std::string_view holder, int64_t seconds, WallTime acquired, WallTime now,
                         int64_t transitions) const;

  LeaderElectionOptions options_;
  std::optional<json::Value> lease_;
  json::Value spec_;
  TimePoint changed_at_ = TimePoint::min();
};

// One candidate. Runs from construction to destruction; a leader that loses the Lease becomes a candidate again.
class LeaderElection {
 public:
  struct Callbacks {
    // Alternate, beginning with on_started. They run in phase 3 of a turn and must not destroy the election. After
    // on_stopped another candidate may lead: whatever only the leader does must have ended when it returns.
    std::function<void()> on_started;
    std::function<void()> on_stopped;
  };

  // The client must outlive the election.
  LeaderElection(Client& client, Logger log, LeaderElectionOptions options, Callbacks callbacks);

  bool leading() const { return leading_; }

  // Ends the candidacy: on_stopped if it leads, then the Lease is given back (best effort, within renew_deadline), so
  // that the next leader need not wait for it to expire. Not to be called from a callback.
  event::Task<void> release();

 private:
  event::Task<void> run();
  event::Task<void> renew_until_lost();
  event::Task<Result<void>> try_acquire_or_renew();
  event::Task<Result<void>> read();
  event::Task<Result<void>> write(json::Value lease);
  void report(const Error& error);
  Duration jittered_retry_period();

  Client& client_;
  Logger log_;
  LeaderElectionOptions options_;
  Callbacks callbacks_;
  ObservedElection observed_;
  // When the last successful write was begun: others count from when they saw its effect, which is later.
  TimePoint renewed_at_ = TimePoint::min();
  bool leading_ = false;
  std::string last_error_;  // said once, not every two seconds
  event::Job job_;
};

}  // namespace ringside::kube
