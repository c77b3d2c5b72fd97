// The shard's Lease: the shard is a member of the ring while it is held.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/log.h"
#include "event/mutex.h"
#include "event/task.h"
#include "kube/client.h"
#include "kube/lease.h"

namespace ringside::sidecar {

// Holds, renews and releases the Lease <shard> in <ns> (protocol.md). It decides nothing: the controller's life does
// (controller_life.h). One call at a time; a second one waits for the first.
class ShardLease {
 public:
  struct Options {
    std::string ring;
    std::string shard;
    std::string ns;
    // The ServiceAccount as which controller and sidecar write, published in the Lease for the fence in the API server;
    // empty: not known.
    std::string serviceaccount = {};
    std::chrono::seconds duration = std::chrono::seconds(15);
  };

  ShardLease(kube::Client& client, Logger log, Options options);

  // How long a shard that was dead waits, once it has its Lease again, for central to label it ready: central first
  // moves what the shard left. Then it goes on without, for there may be no central. A silence of the API server,
  // in which central can move nothing either, counts for three seconds at most.
  static constexpr Duration kReturnPatience = std::chrono::seconds(10);

  // Acquires or renews. kConflict if somebody else holds it; the message says who and since when that was seen. kRetry
  // after a second in which a shard that was dead was not labelled ready: held() stays false until it is, or the
  // patience is over.
  event::Task<Result<void>> hold();

  // Gives it up, if held: objects move at once. Does nothing if another holds it. It keeps its duration, within which
  // the shard may be back: central keeps up for so long what was set up for the ring's shards.
  event::Task<Result<void>> release();
  // The same for good, since the pod ends. With a duration of one second, as client-go releases a Lease; one that was
  // released before gets that, too.
  event::Task<Result<void>> retire();

  // Whether the last renewal still counts: judged by our own monotonic clock from before the request was sent, so that
  // we never believe longer in it than the others.
  bool held() const;
  // It is held, and central has not labelled it ready yet: what the shard left may be moved in part.
  bool goes_on_without_central() const;
  // When it was last held again by a shard that had been dead; nullopt: never. What it had left may have been moved in
  // part also where central has labelled it ready since: the shards that were to have it may have died meanwhile.
  std::optional<TimePoint> returned_at() const { return returned_at_; }

  // Runs, in phase 3, whenever held() may have changed by a call.
  void set_on_change(std::function<void()> on_change) { on_change_ = std::move(on_change); }

 private:
  event::Task<Result<void>> hold_locked();
  event::Task<Result<void>> give_up(std::chrono::seconds duration);
  bool is_given_up(std::chrono::seconds duration) const;
  event::Task<Result<void>> wait_until_returned();
  void count_wait();
  void forget_wait();
  event::Task<Result<void>> read();
  event::Task<Result<void>> write(kube::Lease lease);
  Result<void> check_holder() const;
  kube::Lease renewed() const;
  void observe(std::optional<kube::Lease> lease);
  void set_held_until(TimePoint until);

  kube::Client& client_;
  Logger log_;
  Options options_;
  event::Mutex mutex_;
  std::function<void()> on_change_ = [] {};
  std::optional<kube::Lease> lease_;  // as last seen; nullopt: not read yet, or absent
  TimePoint changed_at_{};            // when its resource version was first seen
  TimePoint held_until_ = TimePoint::min();
  bool was_dead_ = false;  // when we last wrote the Lease without holding it
  std::optional<TimePoint> returned_at_;
  // While it has the Lease again and waits for central.
  std::optional<TimePoint> answered_at_;  // the API server, last
  Duration waited_ = Duration::zero();    // of the patience
};

}  // namespace ringside::sidecar
