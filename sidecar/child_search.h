// Looks for controlled objects that are on other shards, by their owners.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "event/task.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "sidecar/handover_actions.h"
#include "sidecar/request_filter.h"

namespace ringside::sidecar {

// One metadata-only list of everything that the ring's other shards have of the controlled resources, page by page: the
// API server has to read them all, so it is for the start of a sidecar that finds unfinished handovers. Memory: the
// answer alone.
class ChildSearch {
 public:
  // namespaces: {""} for all. The references must outlive the search.
  ChildSearch(kube::Client& client, kube::Discovery& discovery, std::vector<kube::GroupResource> resources,
              std::vector<std::string> namespaces, const ShardIdentity& self);

  // Where children of these owners are. A resource that is not served has no objects. The search and `owner_uids` must
  // outlive the task.
  event::Task<Result<ChildrenFound>> run(const std::set<std::string>& owner_uids);

 private:
  kube::Client& client_;
  kube::Discovery& discovery_;
  std::vector<kube::GroupResource> resources_;
  std::vector<std::string> namespaces_;
  std::string shard_label_;
  std::string selector_;
};

}  // namespace ringside::sidecar
