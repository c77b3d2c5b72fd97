// Which owners have children that are not on this shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "event/mutex.h"
#include "event/task.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "sidecar/request_filter.h"

namespace ringside::sidecar {

// By lists of metadata. One is good for two seconds, and for all who ask meanwhile: where a controller was restarted it
// may be about to create children for thousands of owners, and the API server reads all children for each list.
//
// Memory: eight bytes for each owner with such children, for these two seconds.
class StrayChildren {
 public:
  // All must outlive it.
  StrayChildren(kube::Client& client, kube::Discovery& discovery, ShardIdentity self);

  // Whether children of that resource, in that namespace, are on another shard or on none, by a list that began after
  // `since`, or begins now.
  event::Task<Result<bool>> of_owner(kube::GroupResource resource, std::string ns, std::string owner_uid,
                                     TimePoint since);

 private:
  struct List {
    TimePoint began;
    std::vector<uint64_t> owners;  // hashes of UIDs, sorted
  };
  using Place = std::pair<kube::GroupResource, std::string>;

  const List* known(const Place& place, TimePoint since) const;
  event::Task<Result<List>> list(Place place);
  void forget_old();

  kube::Client& client_;
  kube::Discovery& discovery_;
  ShardIdentity self_;
  event::Mutex mutex_;  // one list at a time
  std::map<Place, List> lists_;
  std::unique_ptr<event::Timer> forget_;
};

}  // namespace ringside::sidecar
