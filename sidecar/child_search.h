// Looks for controlled objects that are on other shards, by their owners.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "event/task.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "sidecar/handover_actions.h"
#include "sidecar/request_filter.h"

namespace ringside::sidecar {

// One metadata-only list of everything of the controlled resources that is not this shard's, page by page: the API
// server has to read them all, so it is for the rare cases in which some may be there. Memory: the answer alone.
class ChildSearch {
 public:
  enum class Of {
    kOtherShards,
    kOthersAndNone,  // also what no shard has yet
  };

  // namespaces: {""} for all. The references must outlive the search.
  ChildSearch(kube::Client& client, kube::Discovery& discovery, std::vector<kube::GroupResource> resources,
              std::vector<std::string> namespaces, const ShardIdentity& self, Of of);

  // Where children of these owners are; "" where no shard has them. A resource that is not served has no objects. The
  // search and `owner_uids` must outlive the task.
  event::Task<Result<ChildrenFound>> run(const std::set<std::string>& owner_uids);
  // The same for all owners there are, one child after another.
  using Visit = std::function<void(const std::string& owner_uid, std::string_view shard)>;
  event::Task<Result<void>> for_each(Visit visit);

 private:
  kube::Client& client_;
  kube::Discovery& discovery_;
  std::vector<kube::GroupResource> resources_;
  std::vector<std::string> namespaces_;
  std::string shard_label_;
  std::string selector_;
};

}  // namespace ringside::sidecar
