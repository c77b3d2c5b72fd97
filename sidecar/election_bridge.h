// Answers the controller's leader election in the API server's place: it leads exactly while its shard Lease is held.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "event/task.h"
#include "http/message.h"
#include "kube/client.h"
#include "kube/lease.h"
#include "kube/meta.h"
#include "sidecar/co_held_lease.h"
#include "sidecar/shard_lease.h"

namespace ringside::sidecar {

// How the controller's leader election is found (annotation leader-election).
struct ElectionOptions {
  enum class Mode { kAuto, kOff, kNamed };
  Mode mode = Mode::kAuto;
  kube::NamespacedName name;  // kNamed: this Lease alone
};

// "auto", "off" or "<namespace>/<name>".
Result<ElectionOptions> parse_election_options(std::string_view text);

class ElectionBridge {
 public:
  ElectionBridge(kube::Client& client, Logger log, std::string ring, ElectionOptions options, ShardLease& shard_lease);
  ~ElectionBridge();

  // A request of the controller for a Lease. ns and name as in the request (name empty for create), verb get, create,
  // update or patch. nullopt: it is no election Lease, the request goes on to the API server.
  event::Task<std::optional<http::Response>> handle(std::string ns, std::string name, std::string verb,
                                                    const http::Request& request);

  // The controller's process is gone: the next one need not wait for its predecessor's Lease to expire.
  void forget_holders();

  // Whether the controller has been seen to use leader election.
  bool in_use() const { return in_use_; }
  // Whether the controller leads now, in its own eyes.
  bool leading() const;
  // Until further notice a controller that asks is kept waiting, with this reason (the ring is not known).
  void set_blocked(std::optional<std::string> reason) { blocked_ = std::move(reason); }

 private:
  struct Election;  // one Lease that the controller uses for its election

  event::Task<std::optional<http::Response>> on_get(kube::NamespacedName name, const http::Request& request);
  event::Task<std::optional<http::Response>> on_write(kube::NamespacedName name, bool create,
                                                      const http::Request& request);
  event::Task<http::Response> renew(Election& election, kube::Lease wanted, int ok_status, kube::Encoding answer);
  event::Task<http::Response> release(Election& election, kube::Lease wanted, kube::Encoding answer);
  bool may_be_election(const kube::NamespacedName& name) const;
  Election& election(const kube::NamespacedName& name);

  kube::Client& client_;
  Logger log_;
  std::string ring_;
  ElectionOptions options_;
  ShardLease& shard_lease_;
  std::optional<std::string> blocked_;
  bool in_use_ = false;
  std::map<kube::NamespacedName, std::unique_ptr<Election>> elections_;
};

}  // namespace ringside::sidecar
