#include "tests/unit/sidecar/handover_model.h"

#include <gtest/gtest.h>

#include <utility>

namespace ringside::sidecar {

HandoverModel::HandoverModel(uint32_t seed) : world_(seed), shard_(world_), invariants_(world_, shard_) {
  world_.on_assigned = [this](const ObjectRef& ref) { invariants_.on_assigned(ref); };
  world_.on_handed_back = [this](const ObjectRef& ref) { invariants_.on_handed_back(ref); };
  for (const ObjectRef& ref : HandoverWorld::all_mains()) world_.create_main(ref);
}

void HandoverModel::step() {
  for (Action& action : shard_.handover().step(world_.now)) act(std::move(action));
  invariants_.on_step();
  EXPECT_LE(requests_.size(), shard_.options().max_requests);
}

void HandoverModel::act(Action action) {
  if (std::holds_alternative<StartChildIndex>(action)) {
    EXPECT_FALSE(world_.watches_children());
    world_.watch_children(true);
  } else if (std::holds_alternative<StopChildIndex>(action)) {
    EXPECT_TRUE(world_.watches_children());
    world_.watch_children(false);
    children_listed_ = false;
  } else if (const auto* search = std::get_if<FindChildren>(&action)) {
    EXPECT_FALSE(search_) << "one search at a time";
    search_ = search->owner_uids;
  } else if (const auto* parted = std::get_if<ChildrenParted>(&action)) {
    invariants_.on_parted(parted->owner_uid);
  } else if (const auto* finished = std::get_if<Finished>(&action)) {
    invariants_.on_finished(*finished);
  } else {
    std::visit(
        [&](const auto& request) {
          if constexpr (requires { request.id; }) {
            requests_.push_back({request, invariants_.on_request(request), std::nullopt});
          }
        },
        action);
  }
}

bool HandoverModel::deliver_drain() {
  std::optional<HandoverWorld::Event> event = world_.next_event(kMain);
  if (!event) return false;
  if (event->meta) {
    invariants_.on_seen(event->ref);
    shard_.handover().drain_seen(kMain, *event->meta, world_.now);
  } else {
    shard_.handover().drain_left(event->ref);
    invariants_.on_drain_left(event->ref);
  }
  return true;
}

bool HandoverModel::deliver_child() {
  std::optional<HandoverWorld::Event> event = world_.next_event(kControlled);
  if (!event) return false;
  if (event->meta) {
    invariants_.on_seen(event->ref);
    shard_.handover().children().upsert(kControlled, *event->meta);
  } else {
    shard_.handover().children().remove(event->ref);
  }
  return true;
}

void HandoverModel::list_drains(bool first) {
  std::vector<kube::ObjectMeta> metas = world_.list(kMain);
  for (const kube::ObjectMeta& meta : metas) invariants_.on_seen({.resource = kMain, .ns = meta.ns, .name = meta.name});
  shard_.handover().drains_listed(kMain, metas, world_.now, first);
  for (const ObjectRef& ref : HandoverWorld::all_mains()) {
    const HandoverWorld::Object* object = world_.find(ref);
    if (object != nullptr && !HandoverWorld::is_watched(ref, *object)) invariants_.on_drain_left(ref);
  }
}

void HandoverModel::list_children() {
  if (!world_.watches_children()) return;
  begin_list_of_children();
  for (const kube::ObjectMeta& meta : world_.list(kControlled)) {
    invariants_.on_seen({.resource = kControlled, .ns = meta.ns, .name = meta.name});
    shard_.handover().children().upsert(kControlled, meta);
  }
  shard_.handover().children().end_list(kControlled);
  children_listed_ = true;
}

void HandoverModel::begin_list_of_children() {
  if (!world_.watches_children()) return;
  shard_.handover().children().begin_list(kControlled);
  children_listed_ = false;
}

void HandoverModel::process_request() {
  if (requests_.empty()) return;
  Request& request = requests_[world_.pick(uint32_t(requests_.size()))];
  if (request.result) return;
  bool fails = world_.fault();
  if (fails && world_.pick(2) == 0) {
    request.result = failure(world_.pick(2) != 0 ? ErrorKind::kForbidden : ErrorKind::kRetry, "not processed");
    return;
  }
  request.result = process(request.action);
  invariants_.on_processed(request.action, request.asked, *request.result);
  if (fails) request.result = failure(ErrorKind::kTimedOut, "processed, but the answer was lost");
}

Result<LiveObject> HandoverModel::process(const HandoverRequest& request) {
  return std::visit(
      [&](const auto& r) {
        if constexpr (requires { r.shard; }) {
          return world_.release(r.object, r.resource_version, r.shard);
        } else {
          return world_.read(r.object);
        }
      },
      request);
}

void HandoverModel::answer_request() {
  if (requests_.empty()) return;
  size_t i = world_.pick(uint32_t(requests_.size()));
  if (!requests_[i].result) return;
  Request request = std::move(requests_[i]);
  requests_.erase(requests_.begin() + ptrdiff_t(i));
  invariants_.on_answer(request.action, *request.result);
  RequestId id = std::visit([](const auto& r) { return r.id; }, request.action);
  shard_.handover().answered(id, *request.result, world_.now);
}

void HandoverModel::answer_search() {
  if (!search_) return;
  ChildrenFound found = world_.children_elsewhere(*search_);
  search_.reset();
  shard_.handover().children_found(found);
}

void HandoverModel::begin_write() {
  if (std::optional<ObjectRef> main = shard_.begin_write()) invariants_.on_write(*main);
}

void HandoverModel::begin_scrape() {
  shard_.handover().begin_round();
  step();
  shard_.begin_scrape();
}

void HandoverModel::restart_sidecar() {
  shard_.restart_sidecar();
  requests_.clear();
  world_.watch_children(false);
  children_listed_ = false;
  search_.reset();
  invariants_.on_sidecar_restarted();
  list_drains(true);
}

}  // namespace ringside::sidecar
