#include "central/object_work.h"

#include "sharding/names.h"

namespace ringside::central {

using sharding::ResourceRole;

namespace {

constexpr size_t kMaxSelectorShards = 50;

std::string set_selector(const std::string& label, std::string_view operation, const std::vector<std::string>& values) {
  std::string list;
  for (const std::string& value : values) list += (list.empty() ? "" : ",") + value;
  return label + " " + std::string(operation) + " (" + list + ")";
}

}  // namespace

RingView::RingView(std::string name, std::shared_ptr<const ring::Ring> shards)
    : name_(std::move(name)),
      shard_label_(sharding::shard_label(name_)),
      drain_label_(sharding::drain_label(name_)),
      shards_(std::move(shards)) {}

Judgement RingView::judge(ResourceRole role, std::string_view group, std::string_view kind,
                          const kube::ObjectMeta& object) const {
  if (shards_->empty() || role == ResourceRole::kNone) return {};
  Judgement judgement;
  if (role == ResourceRole::kMain) {
    judgement.owner_key = sharding::key_of_main(group, kind, object).value_or("");
  } else if (auto key = sharding::key_of_controlled(object, cluster_scoped_); key && *key) {
    judgement.owner_key = **key;
  }
  if (judgement.owner_key.empty()) return {};  // without a controller, or malformed: nobody's

  judgement.desired = shards_->owner(judgement.owner_key);
  std::string_view present = object.label(shard_label_);
  bool draining = object.labels.contains(drain_label_);
  if (present.empty()) {
    judgement.work = Work::kAssign;
  } else if (!shards_->contains(present)) {
    judgement.work = Work::kMove;
  } else if (present == judgement.desired) {
    judgement.work = draining ? Work::kWithdrawDrain : Work::kNone;
  } else if (role == ResourceRole::kControlled) {
    judgement.work = Work::kFollow;
  } else {
    judgement.work = draining ? Work::kAwait : Work::kDrain;
  }
  return judgement;
}

json::Value RingView::patch(const Judgement& judgement, const kube::ObjectMeta& object) const {
  json::Value labels = json::Object();
  bool place = judgement.work != Work::kDrain && judgement.work != Work::kWithdrawDrain;
  if (place) labels[shard_label_] = judgement.desired;
  labels[drain_label_] = judgement.work == Work::kDrain ? json::Value(sharding::kDrainLabelValue) : json::Value();
  json::Value patch;
  patch["metadata"]["resourceVersion"] = object.resource_version;
  patch["metadata"]["labels"] = std::move(labels);
  return patch;
}

// Takes those without a label, too.
std::string RingView::homeless_selector() const {
  if (shards_->shards().size() > kMaxSelectorShards) return {};
  return set_selector(shard_label_, "notin", shards_->shards());
}

std::vector<std::string> RingView::homeless_selectors(const std::vector<std::string>& departed) const {
  std::string one = homeless_selector();
  if (!one.empty() || departed.size() > kMaxSelectorShards) return {one};
  std::vector<std::string> selectors = {"!" + shard_label_};
  if (!departed.empty()) selectors.push_back(set_selector(shard_label_, "in", departed));
  return selectors;
}

}  // namespace ringside::central
