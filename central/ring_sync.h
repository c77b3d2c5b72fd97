// One sync of one ring with one set of shards: finds the objects that are not where the ring wants them, and sees to it
// (protocol.md, "Rebalancing").
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "central/metrics.h"
#include "central/namespace_store.h"
#include "central/object_work.h"
#include "central/ring_store.h"
#include "event/task.h"
#include "kube/client.h"
#include "kube/discovery.h"

namespace ringside::central {

// What a sync works with; all of it outlives the sync.
struct SyncContext {
  kube::Client& client;
  Logger log;
  const NamespaceStore& namespaces;
  kube::Discovery& discovery;
  Metrics& metrics;
  size_t concurrent_moves = 100;                   // requests in flight
  kube::LabelSelector default_namespace_selector;  // for rings without their own
};

// Holds only the objects that need work, never all.
class RingSync {
 public:
  // The snapshot's object must be valid.
  RingSync(SyncContext& context, const RingSnapshot& snapshot);

  // All objects. Those of `dead` shards first, asked for by their label. Children before their owners, so that a new
  // shard sees the children of what it gets. An object that conflicts or is gone is not an error; the first other error
  // is returned, after everything else has been tried, or at once if many requests fail.
  event::Task<Result<void>> run(std::set<std::string> dead);

  // Objects that have no shard at all.
  event::Task<Result<void>> assign_unassigned();

  // Children that are on another shard than the ring wants, whose owner has been handed over (or is no main object of
  // this ring).
  event::Task<Result<void>> move_stragglers();

  // What the last of the above left to do: objects that are draining, or follow one that is; objects that have no shard
  // though the webhook should have assigned them.
  size_t pending() const { return pending_; }
  size_t unassigned() const { return unassigned_; }

 private:
  struct Resource {
    kube::GroupResource name;
    sharding::ResourceRole role;
    kube::DiscoveredResource found;
  };
  struct Item {
    const Resource* resource;
    Work work;
    Judgement judgement;
    kube::ObjectMeta object;  // name, namespace and resourceVersion alone
  };
  using Wanted = std::function<bool(const Resource&, const Judgement&)>;

  event::Task<void> discover();
  event::Task<void> pass(std::string label_selector, Wanted wanted);
  event::Task<void> find_items(const Resource& resource, std::string label_selector, const Wanted& wanted);
  event::Task<void> collect_draining();
  event::Task<void> work_off();
  event::Task<void> work_on(Item item);
  event::Task<void> follow_owner(Item item);
  event::Task<Result<json::Value>> send(const Item& item);
  event::Task<bool> read_again(Item& item);
  event::Task<bool> owner_has_moved(const Item& item);
  void count(const Item& item, const json::Value& answer);
  bool selected(const Resource& resource, const kube::ObjectMeta& object) const;
  void fail(Error error);
  Result<void> result() const;

  SyncContext& context_;
  Logger log_;
  sharding::ControllerRing ring_;
  RingView view_;
  kube::LabelSelector namespace_selector_;
  std::vector<Resource> resources_;  // controlled ones first
  std::deque<Item> items_;
  std::set<std::string> draining_;  // owner keys
  size_t pending_ = 0;
  size_t unassigned_ = 0;
  size_t failures_ = 0;
  std::optional<Error> first_error_;
};

}  // namespace ringside::central
