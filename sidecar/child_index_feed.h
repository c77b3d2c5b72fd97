// Lists and watches the metadata of this shard's controlled objects, for the index that drains need.
#pragma once

#include <functional>
#include <vector>

#include "base/log.h"
#include "event/job.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "sidecar/child_index.h"

namespace ringside::sidecar {

// Where the ring's objects of that resource are to be listed: what is cluster-scoped in one list, whatever the ring's
// namespaces are. {""}: all namespaces.
std::vector<std::string> namespaces_to_list(const kube::DiscoveredResource& resource,
                                            const std::vector<std::string>& namespaces);

// Feeds the index from construction to destruction. Keeps nothing itself.
class ChildIndexFeed {
 public:
  // namespaces: {""} for all. on_change runs, in phase 3, after the index has changed. All references must outlive the
  // feed.
  ChildIndexFeed(kube::Client& client, kube::Discovery& discovery, Logger log,
                 const std::vector<kube::GroupResource>& resources, std::vector<std::string> namespaces,
                 std::string label_selector, ChildIndex& index, std::function<void()> on_change);

 private:
  event::Task<void> run(kube::GroupResource resource);
  event::Task<Result<void>> list_and_watch(kube::GroupResource resource);
  event::Task<Result<void>> watch(kube::GroupResource resource, kube::ResourceType type, kube::ListOptions options);

  kube::Client& client_;
  kube::Discovery& discovery_;
  Logger log_;
  std::vector<std::string> namespaces_;
  std::string label_selector_;
  ChildIndex& index_;
  std::function<void()> on_change_;
  event::JobSet jobs_;
};

}  // namespace ringside::sidecar
