// What the API server calls a resource: version, kind and scope (the discovery API).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "event/task.h"
#include "kube/client.h"
#include "kube/meta.h"

namespace ringside::kube {

struct DiscoveredResource {
  ResourceType type;
  std::string kind;
  bool namespaced = true;
};

// The versions of a group in which to look for a resource, the preferred one first. From an APIGroup.
std::vector<std::string> versions_of_group(const json::Value& api_group);
// The resource, if the APIResourceList has it.
std::optional<DiscoveredResource> find_in_resource_list(const json::Value& list, const GroupResource& resource,
                                                        std::string_view version);

// Asks once for every resource and remembers the answer until it is forgotten.
class Discovery {
 public:
  // The client must outlive it.
  explicit Discovery(Client& client) : client_(client) {}

  // In the group's preferred version, else in the first one that has it. kNotFound if no version does (a CRD that is
  // not there yet).
  event::Task<Result<DiscoveredResource>> find(GroupResource resource);

  // A request for it was answered by 404: the version may be gone.
  void forget(const GroupResource& resource) { known_.erase(resource); }

 private:
  event::Task<Result<json::Value>> get(std::string path);

  Client& client_;
  std::map<GroupResource, DiscoveredResource> known_;
};

}  // namespace ringside::kube
