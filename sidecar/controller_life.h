// When the shard Lease is held and when it is given up: it follows the controller's life (docs/design.md, section 3).
#pragma once

#include <memory>

#include "base/log.h"
#include "event/async.h"
#include "event/loop.h"
#include "event/stepped_timer.h"
#include "sidecar/election_bridge.h"
#include "sidecar/shard_lease.h"

namespace ringside::sidecar {

// With leader election the controller's own writes drive the Lease (ElectionBridge). Without it, the Lease is held
// while the controller has a connection and has begun to read the ring's resources. In both cases, a controller without
// any connection for the grace period is dead, and the Lease is released; time in which the sidecar did not run either
// (a pod that was frozen whole) does not count.
class ControllerLife {
 public:
  struct Options {
    Duration grace = std::chrono::seconds(3);
    Duration renew_period = std::chrono::seconds(2);
    // After its first read of the ring's resources, a controller that has not touched an election Lease for this long
    // uses none. Zero if it is known to use none (leader-election: off).
    Duration election_wait = std::chrono::seconds(3);
  };

  ControllerLife(event::Loop& loop, Logger log, Options options, ElectionBridge& bridge, ShardLease& lease);

  // From the server that the controller connects to.
  void on_connections_changed(size_t open);
  // The controller lists or watches resources of the ring.
  void on_ring_read();

  size_t connections() const { return connections_; }

  // Before the process ends: retires the Lease if the controller is gone, or goes within the patience. If it is still
  // there, the Lease stays: the controller outlives this sidecar, and the next one serves it.
  event::Task<void> wind_up(Duration patience);

 private:
  void on_grace_over();
  event::Task<void> give_up(event::Task<Result<void>> lease);
  event::Task<void> renew_without_election();

  event::Loop& loop_;
  Logger log_;
  Options options_;
  ElectionBridge& bridge_;
  ShardLease& lease_;
  size_t connections_ = 0;
  bool reads_ring_ = false;
  event::SteppedTimer grace_;
  std::unique_ptr<event::Timer> election_wait_;
  event::Job job_;  // releasing, or renewing without election
  event::Signal changed_;
};

}  // namespace ringside::sidecar
