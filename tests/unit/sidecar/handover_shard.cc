#include "tests/unit/sidecar/handover_shard.h"

#include <algorithm>
#include <utility>

namespace ringside::sidecar {

HandoverShard::HandoverShard(HandoverWorld& world) : world_(world) {
  options_ = {
      .shard = "a", .controlled = {kControlled}, .max_requests = 4, .first_batch = 3, .min_batch = 1, .max_batch = 4};
  options_.tombstones.max_objects = world_.pick(2) != 0 ? 1000 : 6;
  handover_.emplace(options_, *fence_);
}

void HandoverShard::restart_sidecar() {
  writes_.clear();
  handover_.reset();
  fence_ = std::make_unique<Fence>();
  handover_.emplace(options_, *fence_);
  world_.now += options_.arrival;  // no process starts faster
  handover_->expect_proof(proof_expected_);
}

std::optional<ObjectRef> HandoverShard::begin_write() {
  ObjectRef main = world_.random_main();
  const HandoverWorld::Object* object = world_.find(main);
  if (object == nullptr) return std::nullopt;
  switch (world_.pick(3)) {
    case 0: return begin_change(main, object->uid);
    case 1: begin_create(main, object->uid); break;
    default: break;
  }
  return std::nullopt;
}

std::optional<ObjectRef> HandoverShard::begin_change(const ObjectRef& main, const std::string& uid) {
  std::vector<ObjectRef> children = world_.children_of(uid);
  ObjectRef target = children.empty() || world_.pick(2) != 0 ? main : children[world_.pick(uint32_t(children.size()))];
  std::optional<InFlight> ticket = fence_->try_change(target);
  if (!ticket) {
    handover_->blocked(target);
    return std::nullopt;
  }
  writes_.push_back({std::move(*ticket), main, uid, target});
  return target == main ? std::optional(main) : std::nullopt;
}

void HandoverShard::begin_create(const ObjectRef& main, const std::string& uid) {
  kube::OwnerReference owner = {.api_version = {}, .kind = {}, .name = {}, .uid = uid};
  std::optional<InFlight> ticket;
  if (handover_->needs_owner_references()) {
    ticket = fence_->try_create({&owner, 1});
    if (!ticket) return handover_->blocked_create({&owner, 1});
  } else {
    ticket = fence_->create_unread();
  }
  writes_.push_back({std::move(*ticket), main, uid, std::nullopt});
}

void HandoverShard::end_write() {
  if (writes_.empty()) return;
  size_t i = world_.pick(uint32_t(writes_.size()));
  ObjectRef main = writes_[i].main;
  if (world_.find(main) != nullptr && world_.pick(3) == 0 && !fence_->blocks(main)) world_.create_child(main);
  writes_.erase(writes_.begin() + ptrdiff_t(i));
}

void HandoverShard::end_reconcile() {
  if (reconciles_.empty()) return;
  reconciles_.erase(reconciles_.begin() + ptrdiff_t(world_.pick(uint32_t(reconciles_.size()))));
}

void HandoverShard::kill_controller() {
  reconciles_.clear();
  writes_.clear();
  handover_->processing_proof(world_.now);
}

void HandoverShard::expect_proof(bool expected) {
  if (!proof_expected_) window_until_ = world_.now;
  proof_expected_ = expected;
  handover_->expect_proof(expected);
}

void HandoverShard::end_scrape() {
  TimePoint proof = scrape_sent_.value();
  for (const Reconcile& reconcile : reconciles_) proof = std::min(proof, reconcile.began - std::chrono::nanoseconds(1));
  scrape_sent_.reset();
  handover_->processing_proof(proof);
}

}  // namespace ringside::sidecar
