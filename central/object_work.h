// What a sync does about one object (protocol.md, "Rebalancing"). Pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "kube/meta.h"
#include "ring/ring.h"
#include "sharding/controller_ring.h"
#include "sharding/keys.h"

namespace ringside::central {

enum class Work {
  kNone,
  kAssign,         // it has no shard: put it on one
  kMove,           // its shard is not available: put it on another
  kDrain,          // add the drain label: its shard is asked to hand it over
  kAwait,          // its shard has been asked and will hand it over
  kWithdrawDrain,  // remove the drain label: it is where it belongs after all
  kFollow,         // a controlled object that moves as soon as its controller has, not before
};

struct Judgement {
  Work work = Work::kNone;
  std::string desired;    // the shard that the ring wants it on
  std::string owner_key;  // what was hashed: its own key or its controller's
};

// The ring at one moment, as objects see it. A value that shares its ring.
class RingView {
 public:
  RingView(std::string name, std::shared_ptr<const ring::Ring> shards);

  // Which kinds of main resources are cluster-scoped; none are before this is called.
  void set_cluster_scoped(sharding::ClusterScopedKinds kinds) { cluster_scoped_ = std::move(kinds); }

  // `group` and `kind` are those of the object. Nothing is done without an available shard: there is none to move to,
  // and a shard that comes back finds its objects where they were.
  Judgement judge(sharding::ResourceRole role, std::string_view group, std::string_view kind,
                  const kube::ObjectMeta& object) const;

  // The merge patch for that work, which fails if the object has changed. `work` is not kNone and not kAwait. The
  // reference removes the shard label and lets the webhook put the next one; here the next one is written in its place,
  // which comes to the same, takes one call of the webhook less, and works while the webhook cannot be reached.
  json::Value patch(const Judgement& judgement, const kube::ObjectMeta& object) const;

  // Label selectors that together take every object without an available shard, if only these shards have departed
  // since every object had one. Of few shards it is one selector, whatever has departed; of many that would make too
  // long a URL. {""}, everything: there are too many of both.
  std::vector<std::string> homeless_selectors(const std::vector<std::string>& departed) const;
  // The same if it is not known which shards have departed.
  std::string homeless_selector() const;

  const std::string& name() const { return name_; }
  const std::string& shard_label() const { return shard_label_; }
  const std::string& drain_label() const { return drain_label_; }
  const ring::Ring& shards() const { return *shards_; }

 private:
  std::string name_;
  std::string shard_label_;
  std::string drain_label_;
  std::shared_ptr<const ring::Ring> shards_;
  sharding::ClusterScopedKinds cluster_scoped_;
};

}  // namespace ringside::central
