#include "tests/unit/sidecar/handover_invariants.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ringside::sidecar {
namespace {

const ObjectRef& object_of(const HandoverRequest& request) {
  return std::visit([](const auto& r) -> const ObjectRef& { return r.object; }, request);
}

}  // namespace

// What it knew of the children's moves ends when an object has left. Requests that are still under way then are
// nobody's, and so are those of an object that is in service again.
void HandoverInvariants::on_drain_left(const ObjectRef& ref) {
  if (const HandoverWorld::Object* object = world_.find(ref)) moved_.erase(object->uid);
  leave_requests_behind(ref);
}

void HandoverInvariants::leave_requests_behind(const ObjectRef& ref) {
  if (const HandoverWorld::Object* object = world_.find(ref)) ++rounds_[object->uid];
}

// Keeps track of what the handover has been told about who owns a main object.
void HandoverInvariants::on_answer(const HandoverRequest& request, const Result<LiveObject>& result) {
  const ObjectRef& ref = object_of(request);
  bool processed = result ? result->shard != "a" : result.error().kind == ErrorKind::kTimedOut;
  if (std::holds_alternative<ReleaseChild>(request) && processed && !owner_is_fenced(ref)) note_parted(ref);
  if (ref.resource != kMain) return;
  bool gone = !result && result.error().kind == ErrorKind::kNotFound;
  if (gone || (result && result->shard == "a")) buried_.erase(ref);
  if (result && result->shard != "a" && std::holds_alternative<Acknowledge>(request)) buried_.emplace(ref, world_.now);
}

void HandoverInvariants::on_sidecar_restarted() {
  buried_.clear();
  fenced_since_.clear();
  acknowledged_while_running_.clear();
  unsaid_.clear();
}

HandoverInvariants::Asked HandoverInvariants::on_request(const HandoverRequest& request) {
  const ObjectRef& ref = object_of(request);
  EXPECT_TRUE(known_.contains(ref)) << "unknown object " << ref.name;
  Asked asked;
  if (const auto* acknowledge = std::get_if<Acknowledge>(&request)) {
    if (acknowledge->shard != "a") check_children(ref);  // else all stay
    asked.must_join = check_arrival(ref);
    note_running(ref);
  }
  if (const HandoverWorld::Object* object = world_.find(ref)) asked.round = rounds_[object->owner_uid];
  return asked;
}

// At the decision to acknowledge: every child that the index knows of is released.
void HandoverInvariants::check_children(const ObjectRef& ref) const {
  const HandoverWorld::Object* object = world_.find(ref);
  if (object == nullptr) return;
  // It was away and came back with its children: the handover cannot know yet.
  if (world_.has_event_of_main(ref)) return;
  for (const ObjectRef* child : shard_.handover().children().children_of(object->uid)) {
    const HandoverWorld::Object* stored = world_.find(*child);
    if (stored == nullptr || stored->shard != "a") continue;
    EXPECT_TRUE(released_.contains(*child)) << ref.name << " acknowledged before its child " << child->name;
  }
}

// Also then: its children have had time to arrive, and it must go where they went, if they are together.
std::optional<std::string> HandoverInvariants::check_arrival(const ObjectRef& ref) const {
  const HandoverWorld::Object* object = world_.find(ref);
  if (object == nullptr) return std::nullopt;
  auto moved = moved_.find(object->uid);
  if (moved == moved_.end()) return std::nullopt;
  if (world_.has_event_of_main(ref)) return std::nullopt;
  EXPECT_GE(world_.now - moved->second.last, shard_.options().arrival)
      << ref.name << " acknowledged too soon after its children";
  std::set<std::string> shards;
  for (const auto& [child, shard] : moved->second.shards) shards.insert(shard);
  EXPECT_FALSE(shards.contains("")) << ref.name << " acknowledged while nobody has a child of it";
  // By requests whose answers it did not wait for, others may be elsewhere.
  for (const ObjectRef& child : world_.children_of(object->uid)) shards.insert(world_.find(child)->shard);
  return shards.size() == 1 ? std::optional(*shards.begin()) : std::nullopt;
}

// A reconcile of the object that ran when it was fenced runs on while it is acknowledged.
void HandoverInvariants::note_running(const ObjectRef& ref) {
  auto fenced = fenced_since_.find(ref);
  if (fenced == fenced_since_.end()) return;
  bool runs = std::ranges::any_of(shard_.reconciles(), [&](const HandoverShard::Reconcile& reconcile) {
    return reconcile.main == ref && reconcile.began <= fenced->second;
  });
  if (runs) acknowledged_while_running_.insert(ref);
}

void HandoverInvariants::on_finished(const Finished& finished) {
  EXPECT_TRUE(known_.contains(finished.object));
  check_quiet(finished);
  if (finished.outcome == Finished::Outcome::kWithdrawn) {
    EXPECT_FALSE(shard_.fence().blocks(finished.object));
  } else if (const HandoverWorld::Object* object = world_.find(finished.object)) {
    unsaid_.erase(object->uid);  // should it come back, its children come first
  }
}

void HandoverInvariants::check_quiet(const Finished& finished) {
  bool ran = acknowledged_while_running_.erase(finished.object) > 0;
  if (finished.outcome != Finished::Outcome::kAcknowledged) return;
  ASSERT_TRUE(finished.quiet);
  TimePoint quiet_at = world_.now - finished.acknowledged - finished.moved;
  if (*finished.quiet == Quiet::kProof) {
    EXPECT_FALSE(ran) << finished.object.name << " moved by proof while it was reconciled";
  } else if (*finished.quiet == Quiet::kWindow) {
    EXPECT_GE(finished.quiesced, shard_.options().quiet_window);
    EXPECT_TRUE(shard_.had_no_proof(quiet_at)) << "by the window though a proof was to come";
  } else {
    EXPECT_GE(finished.quiesced, shard_.options().deadline);
  }
}

void HandoverInvariants::on_step() {
  for (const ObjectRef& ref : HandoverWorld::all_mains()) {
    if (shard_.fence().blocks(ref)) {
      fenced_since_.try_emplace(ref, world_.now);
    } else {
      fenced_since_.erase(ref);
      leave_requests_behind(ref);
      check_parted(ref);
    }
  }
  EXPECT_LE(shard_.handover().fenced(), shard_.options().max_batch);
}

void HandoverInvariants::on_processed(const HandoverRequest& request, const Asked& asked,
                                      const Result<LiveObject>& result) {
  if (const auto* acknowledge = std::get_if<Acknowledge>(&request)) {
    if (!result) return;
    check_acknowledged(acknowledge->object);
    if (asked.must_join) {
      EXPECT_EQ(result->shard, *asked.must_join) << acknowledge->object.name << " is not with its children";
    }
  } else if (const auto* child = std::get_if<ReleaseChild>(&request)) {
    if (child->shard == "a") {
      released_.erase(child->object);
    } else {
      released_.insert(child->object);
    }
    if (result) note_moved(child->object, asked.round);
    if (result && result->shard != "a" && owner_is_fenced(child->object)) note_parted(child->object);
  }
}

// Invariants of the moment of the acknowledgement.
void HandoverInvariants::check_acknowledged(const ObjectRef& ref) const {
  const HandoverWorld::Object* object = world_.find(ref);
  auto fenced = fenced_since_.find(ref);
  if (object == nullptr || fenced == fenced_since_.end()) return;
  bool overdue = world_.now - fenced->second >= shard_.options().deadline;
  for (const HandoverShard::Write& write : shard_.writes()) {
    if (write.main != ref || write.uid != object->uid) continue;
    // A child that the index does not know yet: the quiet window is there for the delay of its watch.
    if (write.target && !shard_.fence().blocks(*write.target)) continue;
    EXPECT_TRUE(overdue) << ref.name << " acknowledged with a request under way";
  }
}

bool HandoverInvariants::owner_is_fenced(const ObjectRef& child) const {
  const HandoverWorld::Object* object = world_.find(child);
  return object != nullptr && std::ranges::any_of(HandoverWorld::all_mains(), [&](const ObjectRef& ref) {
           const HandoverWorld::Object* main = world_.find(ref);
           return main != nullptr && main->uid == object->owner_uid && shard_.fence().blocks(ref);
         });
}

void HandoverInvariants::note_parted(const ObjectRef& child) {
  if (const HandoverWorld::Object* object = world_.find(child)) unsaid_.insert(object->owner_uid);
}

// The controller is let write to it, and would make children anew that it does not see any more.
void HandoverInvariants::check_parted(const ObjectRef& ref) const {
  const HandoverWorld::Object* object = world_.find(ref);
  if (object == nullptr || object->shard != "a") return;
  EXPECT_FALSE(unsaid_.contains(object->uid)) << ref.name << " is in service without its children";
}

void HandoverInvariants::note_moved(const ObjectRef& child, int round) {
  const HandoverWorld::Object& stored = *world_.find(child);
  if (rounds_[stored.owner_uid] != round) return;
  Moved& moved = moved_[stored.owner_uid];
  if (released_.contains(child)) {
    moved.shards[child] = stored.shard;
    moved.last = world_.now;
  } else {
    moved.shards.erase(child);  // taken back
  }
}

// A write passed: it must not be one to an object that was handed over and not seen here since.
void HandoverInvariants::on_write(const ObjectRef& main) {
  auto buried = buried_.find(main);
  const Tombstones::Options& tombstones = shard_.options().tombstones;
  if (buried == buried_.end() || tombstones.max_objects == 6) return;
  EXPECT_GE(world_.now - buried->second, tombstones.keep) << main.name << " was written though handed over";
}

void HandoverInvariants::on_assigned(const ObjectRef& ref) {
  const HandoverWorld::Object& object = *world_.find(ref);
  auto moved = moved_.find(object.owner_uid);
  if (moved == moved_.end() || !moved->second.shards.contains(ref)) return;
  moved->second.shards[ref] = object.shard;
}

}  // namespace ringside::sidecar
