// The proxy between the controller and the API server: every request, from its head to its way (docs/design.md, section
// 2).
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/log.h"
#include "base/metrics.h"
#include "event/loop.h"
#include "http/client.h"
#include "http/stream.h"
#include "http/upgrade.h"
#include "sidecar/create_guard.h"
#include "sidecar/delete_guard.h"
#include "sidecar/election_bridge.h"
#include "sidecar/read_filters.h"
#include "sidecar/relist_marks.h"
#include "sidecar/request_filter.h"
#include "sidecar/ring_view.h"
#include "sidecar/shard_lease.h"
#include "sidecar/tunnels.h"
#include "sidecar/watch_continuity.h"
#include "sidecar/write_gate.h"

namespace ringside::sidecar {

class Exchange;

// Of a request's head, and of an answer's: what the API server takes, as HTTP/2 counts (Go's net/http: 1 MiB, and 320
// for ten fields). A larger one must not get there, since the API server may end the connection, which others share.
inline constexpr size_t kMaxHeadBytes = (1 << 20) + 320;

// What the proxy asks on the way of a request. All must outlive it.
struct ProxyParts {
  http::Client& api;
  http::UpgradeClient& upgrades;
  RingView& ring;
  ShardLease& lease;
  ElectionBridge& bridge;
  WriteGate& gate;
  DeleteGuard& deletes;
  CreateGuard& creates;
  WatchContinuity& watches;  // of the ring's resources
  // A list or watch of a ring resource was made: the controller works. Called for each.
  std::function<void()> on_ring_read = [] {};
};

class Proxy {
 public:
  Proxy(event::Loop& loop, Logger log, MetricsRegistry& metrics, ShardIdentity self, ProxyParts parts);
  ~Proxy();

  // For the server that the controller connects to; streams must not outlive the proxy.
  http::StreamAcceptor acceptor();

  // The ring's resources have changed: watches whose filter would now be another are ended, and the next watch that
  // would resume one is told that its resource version is gone, so that the client lists again.
  void on_ring_changed();
  // The shard Lease was lost or acquired.
  void on_lease_changed() { tunnels_.check(); }

 private:
  friend class Exchange;

  event::Loop& loop_;
  Logger log_;
  CounterFamily& requests_;
  CounterFamily& refused_;
  ShardIdentity self_;
  ProxyParts parts_;
  std::set<Exchange*> watches_;  // of resources of the ring, or that could be; and all upgraded connections
  RelistMarks must_relist_;      // by what the watches are of
  ReadFilters read_filters_;
  Tunnels tunnels_;
};

}  // namespace ringside::sidecar
