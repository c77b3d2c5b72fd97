// What the sidecar does with a request of the controller: the table of design section 2 as a pure function. The body of
// the request is not looked at here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kube/meta.h"
#include "kube/request_info.h"

namespace ringside::sidecar {

// One resource of the ring. It may be main and controlled at once (as an owner and as another owner's child).
struct RingResource {
  kube::GroupResource resource;
  bool is_main = false;
  bool is_controlled = false;
  bool filtered = true;  // view "mine"; false for view "all"
  // Only if known to be so: then a list that selects a name without naming a namespace is of one object, and a
  // namespace in the path is not the object's (a Namespace's own path).
  bool cluster_scoped = false;
};

// An immutable snapshot of the resources of the ring, or the fact that the ring is not known yet.
class RingResources {
 public:
  RingResources() = default;  // not known yet
  explicit RingResources(std::vector<RingResource> resources) : resources_(std::move(resources)) {}

  bool known() const { return resources_.has_value(); }
  // nullptr if it is not in the ring or nothing is known; lives as long as this.
  const RingResource* find(std::string_view group, std::string_view resource) const;

 private:
  std::optional<std::vector<RingResource>> resources_;
};

// Who we are. Both are label syntax: a ring's name, a pod's name.
struct ShardIdentity {
  std::string ring;
  std::string shard;
};

// The request goes on as it is.
struct Pass {};

// The request goes on with this target: a list, watch or deletecollection that sees only objects of our shard.
struct Filter {
  std::string path_with_query;
  bool deletes = false;  // deletecollection: it needs the shard Lease and must not meet fenced objects, as Mutate
};

// A write to one object of the ring, or a connection into it (exec, attach, port-forward of a pod): goes on if the
// shard Lease is held and the object is not fenced.
struct Mutate {
  kube::GroupResource resource;
  std::string ns;
  std::string name;  // empty for create
  std::string subresource;
  std::string verb;  // create, update, patch, delete; or get, for a connection into a pod
  bool is_main = false;
  bool is_controlled = false;
};

// A get or write of a Lease that may be the controller's election Lease: the bridge decides.
struct ElectionLease {
  std::string ns;
  std::string name;                 // empty for create: it is in the body
  std::string verb;                 // get, create, update, patch, delete
  std::optional<Mutate> otherwise;  // what it is if the bridge declines; without a value: Pass
};

// 503: the ring is not known, so nothing that could concern it may go on.
struct Unavailable {
  std::string reason;
};

// 400: the request is such that no selector can be added to it safely.
struct Reject {
  std::string reason;
};

using RequestDecision = std::variant<Pass, Filter, Mutate, ElectionLease, Unavailable, Reject>;

// `info` is parse_request_info(method, path_with_query).
RequestDecision decide_request(const kube::RequestInfo& info, std::string_view path_with_query,
                               const RingResources& resources, const ShardIdentity& self);

// A deletecollection that takes objects as they were at that resource version: what has come since stays.
struct PinnedDeletion {
  std::string target;
  // DeleteOptions in JSON for a request that has no body: without one the API server reads its options from the query,
  // and would take the version of the list for a precondition of each object. Else empty.
  std::string body;
};
// nullopt, which leaves the request as it is, where the client says itself of what version it speaks, gives options of
// the deletion in the query, or has more parameters than can be added to.
std::optional<PinnedDeletion> pin_to_version(std::string_view target, bool has_body, std::string_view resource_version);

// "shard.alpha.sharding.timebertt.dev/<ring>=<shard>", not percent-encoded.
std::string shard_requirement(const ShardIdentity& self);

}  // namespace ringside::sidecar
