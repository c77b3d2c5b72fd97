// One sync of one ring with one set of shards: finds the objects that are not where the ring wants them, and sees to it
// (protocol.md, "Rebalancing").
#pragma once

#include <functional>
#include <memory>
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
#include "central/work_pool.h"
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

// The requests under way of one ring. Drains are in no hurry, and the shards that hand objects over meanwhile are: they
// get a smaller share.
struct WorkPools {
  explicit WorkPools(const SyncContext& context)
      : moves(context.client.loop(), context.concurrent_moves),
        drains(context.client.loop(), context.concurrent_moves / 3) {}

  WorkPool moves;
  WorkPool drains;
};

// Reads page after page and works each off before the next, so it holds no more for 100,000 objects than for 1,000.
// Made for one call of one of run(), assign_unassigned() and move_stragglers(). The requests are under way in the pool
// and keep the sync alive: their outcomes count also if the caller gives up waiting.
class RingSync : public std::enable_shared_from_this<RingSync> {
 public:
  // The snapshot's object must be valid. The pools outlive the sync's work. `departed`: shards that the ring had until
  // recently.
  static std::shared_ptr<RingSync> make(SyncContext& context, WorkPools& pools, const RingSnapshot& snapshot,
                                        std::vector<std::string> departed);

  // What a sync looks at.
  enum class Scope {
    kAll,       // every object
    kHomeless,  // enough after none but the departed shards have left, and no handover was under way: objects without
                // an available shard, and drains that may be withdrawn
  };

  // Homeless objects first, and of these the ones that have just been created: few have children anywhere, and a ring
  // whose shards come and go would let them wait. `on_homeless_moved` is called when none is left, and not after
  // an error. Children before their owners, so that a new shard sees the children of what it gets; and a homeless
  // child goes where its owner is at present, if that is somewhere, to be handed over with it. An object that
  // conflicts or is gone is not an error; the first other error is returned, after everything else has been tried, or
  // at once if many requests fail.
  event::Task<Result<void>> run(Scope scope, std::function<void()> on_homeless_moved);

  // Objects that have no shard at all, or one that is not available: a handover may end on a shard that has died
  // meanwhile.
  event::Task<Result<void>> assign_unassigned();

  // Children that are on another shard than the ring wants, whose owner has been handed over (or is no main object of
  // this ring).
  event::Task<Result<void>> move_stragglers();

  // The ring is another one now: what is under way is finished, nothing is tried again.
  void retire() { retired_ = true; }

  // What is left to do: objects that are draining, or follow one that is, or changed too often.
  size_t pending() const { return pending_; }
  // Objects that were found without a shard, and one of them by name. They have one now, unless there was an error.
  size_t found_unassigned() const { return found_unassigned_; }
  const std::string& example() const { return example_; }

 private:
  using ResourceRole = sharding::ResourceRole;
  struct Resource {
    kube::GroupResource name;
    ResourceRole role;
    kube::DiscoveredResource found;
  };
  struct Item {
    const Resource* resource;
    Judgement judgement;
    kube::ObjectMeta object;  // name, namespace and resourceVersion alone
  };
  // Of an object as it was listed. May change what is to be done.
  using Wanted = std::function<bool(const kube::ObjectMeta&, Judgement&)>;
  using Chosen = std::function<bool(const kube::ObjectMeta&, const Judgement&)>;

  RingSync(SyncContext& context, WorkPools& pools, const RingSnapshot& snapshot, std::vector<std::string> departed);

  event::Task<void> discover();
  event::Task<void> assign_new();
  event::Task<void> move_homeless(Scope scope);
  event::Task<void> withdraw_drains();
  event::Task<void> pass(std::vector<std::string> label_selectors, Wanted wanted);
  event::Task<void> pass(ResourceRole role, std::vector<std::string> label_selectors, Wanted wanted);
  event::Task<std::vector<uint64_t>> collect_mains(std::vector<std::string> label_selectors, Chosen chosen);
  event::Task<Result<void>> pass_over(const Resource& resource, std::string ns, std::string label_selector,
                                      const Wanted& wanted);
  std::vector<std::string> namespaces_to_list(const Resource& resource) const;

  static event::Task<void> work_on(std::shared_ptr<RingSync> self, Item item);
  event::Task<void> see_to(Item item);
  event::Task<Result<bool>> prepare(Item& item);
  event::Task<Result<bool>> read_again(Item& item);
  event::Task<Result<std::optional<kube::ObjectMeta>>> read_owner(const Item& item);
  event::Task<Result<json::Value>> send(const Item& item);
  void count(const Item& item);

  const Resource* resource_of_owner(const Item& item) const;
  bool selected(const Resource& resource, const kube::ObjectMeta& object) const;
  void fail(Error error);
  Result<void> result() const;

  SyncContext& context_;
  WorkPools& pools_;
  Logger log_;
  sharding::ControllerRing ring_;
  RingView view_;
  kube::LabelSelector namespace_selector_;
  std::vector<std::string> departed_;
  std::vector<Resource> resources_;
  size_t placed_ = 0;                      // objects that were given a shard
  std::vector<uint64_t> homeless_owners_;  // hashes of keys, sorted: these are moved after their children
  bool retired_ = false;
  size_t pending_ = 0;
  size_t found_unassigned_ = 0;
  std::string example_;
  size_t failures_ = 0;
  std::optional<Error> first_error_;
};

}  // namespace ringside::central
