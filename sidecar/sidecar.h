// The sidecar's parts, put together: who uses whom is told by the order of the members.
#pragma once

#include <memory>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "event/loop.h"
#include "http/client.h"
#include "http/server.h"
#include "http/upgrade.h"
#include "kube/api_server.h"
#include "kube/config.h"
#include "sidecar/controller_life.h"
#include "sidecar/election_bridge.h"
#include "sidecar/handover_agent.h"
#include "sidecar/options.h"
#include "sidecar/proxy.h"
#include "sidecar/ring_view.h"
#include "sidecar/serviceaccount_dir.h"
#include "sidecar/shard_lease.h"

namespace ringside::sidecar {

class Sidecar {
 public:
  // Listens when it returns; nothing waits for the API server. The error says what is wrong with options or files.
  static Result<std::unique_ptr<Sidecar>> create(event::Loop& loop, Logger log, const Options& options,
                                                 const kube::Config& config);

  // Ends in order: waits for the controller to go, releases the Lease, closes connections.
  event::Task<void> wind_down();

 private:
  Sidecar(event::Loop& loop, Logger log, const Options& options);

  Result<void> connect(const kube::Config& config);
  Result<void> listen(const kube::Config& config);
  void build();
  void on_ring_changed();
  void on_connections_changed();
  void on_controller_hangs();
  http::Router status_router();

  event::Loop& loop_;
  Logger log_;
  Options options_;
  MetricsRegistry metrics_;
  GaugeFamily& lease_held_;
  GaugeFamily& connections_;
  std::string serviceaccount_;  // as which controller and sidecar write; empty: not known

  std::unique_ptr<kube::ApiServer> api_;     // our own requests
  std::unique_ptr<http::Client> proxy_api_;  // the controller's: with its credentials, never with ours
  std::unique_ptr<http::UpgradeClient> proxy_upgrades_;
  std::unique_ptr<ShardLease> lease_;
  std::unique_ptr<ElectionBridge> bridge_;
  std::unique_ptr<ControllerLife> life_;
  std::unique_ptr<HandoverAgent> handover_;
  std::unique_ptr<RingView> ring_;
  std::optional<WatchContinuity> watches_;
  std::unique_ptr<DeleteGuard> deletes_;
  std::unique_ptr<CreateGuard> creates_;
  std::unique_ptr<Proxy> proxy_;
  std::optional<ServiceAccountDir> serviceaccount_dir_;
  std::vector<std::unique_ptr<http::Server>> servers_;
  std::unique_ptr<http::Server> status_server_;
  bool controller_hangs_ = false;  // a connection of it was closed for want of an answer, and none was opened since
};

}  // namespace ringside::sidecar
