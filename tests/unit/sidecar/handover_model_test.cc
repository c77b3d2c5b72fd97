// Random interleavings of everything that can happen to draining objects, against a tiny model of the API server, the
// webhook, central and the controller. The shard under test is "a"; "b" and "c" are others.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "sidecar/handover.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;

const kube::GroupResource kMain = {.group = "apps", .resource = "deployments"};
const kube::GroupResource kControlled = {.group = "", .resource = "secrets"};

struct Stored {
  std::string uid;
  int version = 0;
  std::string shard;
  bool draining = false;
  std::string owner_uid;  // of children

  LiveObject live() const {
    return {.uid = uid, .resource_version = std::to_string(version), .shard = shard, .draining = draining};
  }
};

// What a watch will deliver: the object, or that it left.
struct Event {
  ObjectRef ref;
  std::optional<kube::ObjectMeta> meta;
};

class Model {
 public:
  explicit Model(uint32_t seed) : random_(seed) {
    options_ = {
        .shard = "a", .controlled = {kControlled}, .max_requests = 4, .first_batch = 3, .min_batch = 1, .max_batch = 4};
    options_.tombstones.max_objects = pick(2) != 0 ? 1000 : 6;
    handover_.emplace(options_, *fence_);
    for (int i = 0; i < 6; ++i) create_main(i);
  }

  void run() {
    for (int i = 0; i < 250 && !::testing::Test::HasFailure(); ++i) {
      random_step();
      step();
    }
    settle();
  }

 private:
  // The world

  uint32_t pick(uint32_t n) { return uint32_t(random_() % n); }

  static ObjectRef main_ref(int i) { return {.resource = kMain, .ns = "d", .name = "x" + std::to_string(i)}; }

  kube::ObjectMeta meta_of(const ObjectRef& ref, const Stored& object) const {
    kube::ObjectMeta meta;
    meta.ns = ref.ns;
    meta.name = ref.name;
    meta.uid = object.uid;
    meta.resource_version = std::to_string(object.version);
    if (!object.owner_uid.empty()) {
      meta.owner_references = {
          {.api_version = "apps/v1", .kind = "Deployment", .name = "x", .uid = object.owner_uid, .controller = true}};
    }
    return meta;
  }

  // Every write goes through here, so that the watches see it.
  template <typename Change>
  void write(const ObjectRef& ref, Change change) {
    Stored& object = objects_[ref];
    bool was_seen = is_watched(ref, object);
    change(object);
    object.version = ++version_;
    publish(ref, was_seen, is_watched(ref, object));
  }

  void remove(const ObjectRef& ref) {
    bool was_seen = is_watched(ref, objects_.at(ref));
    objects_.erase(ref);
    publish(ref, was_seen, false);
  }

  bool is_watched(const ObjectRef& ref, const Stored& object) const {
    return object.shard == "a" && (ref.resource == kControlled || object.draining);
  }

  void publish(const ObjectRef& ref, bool was_seen, bool is_seen) {
    if (ref.resource == kControlled && !index_on_) return;
    std::deque<Event>& events = ref.resource == kMain ? drain_events_ : child_events_;
    if (is_seen) {
      events.push_back({ref, meta_of(ref, objects_.at(ref))});
    } else if (was_seen) {
      events.push_back({ref, std::nullopt});
    }
  }

  void create_main(int i) {
    desired_[main_ref(i)] = "a";
    write(main_ref(i), [&](Stored& object) {
      object.uid = "u" + std::to_string(++uids_);
      object.shard = "a";
    });
    for (uint32_t c = pick(3); c > 0; --c) create_child(main_ref(i));
  }

  void create_child(const ObjectRef& owner) {
    Stored& main = objects_.at(owner);
    ObjectRef child = {.resource = kControlled, .ns = "d", .name = "c" + std::to_string(++uids_)};
    write(child, [&](Stored& object) {
      object = {.uid = "c" + std::to_string(uids_), .shard = main.shard, .owner_uid = main.uid};
    });
  }

  ObjectRef random_main() { return main_ref(int(pick(6))); }

  std::vector<ObjectRef> children_of(const std::string& uid) const {
    std::vector<ObjectRef> children;
    for (const auto& [ref, object] : objects_) {
      if (object.owner_uid == uid) children.push_back(ref);
    }
    return children;
  }

  // The sidecar's patch: the labels go, the webhook assigns. Or it names the shard.
  Result<LiveObject> release(const ObjectRef& ref, const std::string& version, const std::string& named = {}) {
    auto object = objects_.find(ref);
    if (object == objects_.end()) return failure(ErrorKind::kNotFound, "gone");
    if (std::to_string(object->second.version) != version) return failure(ErrorKind::kConflict, "changed");
    std::string owner = "a";
    for (const auto& [main, shard] : desired_) {
      auto stored = objects_.find(main);
      bool mine = main == ref || (stored != objects_.end() && stored->second.uid == object->second.owner_uid);
      if (mine) owner = shard;
    }
    bool webhook_is_away = faults_ && pick(8) == 0;
    write(ref, [&](Stored& o) {
      o.shard = !named.empty() ? named : webhook_is_away ? "" : owner;
      o.draining = false;
    });
    return object->second.live();
  }

  Result<LiveObject> read(const ObjectRef& ref) {
    auto object = objects_.find(ref);
    if (object == objects_.end()) return failure(ErrorKind::kNotFound, "gone");
    return object->second.live();
  }

  // Central

  void central() {
    ObjectRef ref = random_main();
    auto object = objects_.find(ref);
    switch (pick(6)) {
      case 0: desired_[ref] = std::string(1, "aabc"[pick(4)]); break;
      case 1:  // a taken object, as when our Lease was lost for a while
        if (object != objects_.end() && pick(4) == 0) {
          write(ref, [&](Stored& o) {
            o.shard = desired_[ref];
            o.draining = false;
          });
        }
        break;
      case 2:
        if (object == objects_.end()) {
          create_main(ref.name[1] - '0');
        } else if (pick(4) == 0) {
          std::string uid = object->second.uid;
          remove(ref);
          for (const ObjectRef& child : children_of(uid)) remove(child);
        }
        break;
      default: sync(ref);
    }
  }

  // Assigns what nobody has, drains what is to leave, withdraws a drain that is not wanted any more, and the other
  // shard hands back.
  void sync(const ObjectRef& ref) {
    auto object = objects_.find(ref);
    if (object == objects_.end()) return;
    for (const ObjectRef& child : children_of(object->second.uid)) assign_if_nobodys(child, desired_[ref]);
    assign_if_nobodys(ref, desired_[ref]);
    if (object->second.shard == "a") {
      bool drain = desired_[ref] != "a";
      if (drain != object->second.draining) write(ref, [&](Stored& o) { o.draining = drain; });
    } else if (desired_[ref] == "a") {
      for (const ObjectRef& child : children_of(object->second.uid)) hand_back(child);
      hand_back(ref);
    }
  }

  void assign_if_nobodys(const ObjectRef& ref, const std::string& shard) {
    Stored& object = objects_.at(ref);
    if (!object.shard.empty()) return;
    write(ref, [&](Stored& o) { o.shard = shard; });
    auto moved = moved_.find(object.owner_uid);
    if (moved == moved_.end() || !moved->second.shards.contains(ref)) return;
    moved->second.shards[ref] = shard;
  }

  void hand_back(const ObjectRef& ref) {
    released_.erase(ref);
    write(ref, [](Stored& o) { o.shard = "a"; });
  }

  // The controller and the request path

  struct Write {
    InFlight ticket;
    ObjectRef main;
    std::string uid;                  // of main; one of an object since deleted and made again does not count
    std::optional<ObjectRef> target;  // unless a create
  };

  void controller_begins() {
    ObjectRef main = random_main();
    auto object = objects_.find(main);
    if (object == objects_.end()) return;
    std::vector<ObjectRef> children = children_of(object->second.uid);
    std::optional<InFlight> ticket;
    std::optional<ObjectRef> target;
    kube::OwnerReference owner = {.api_version = {}, .kind = {}, .name = {}, .uid = object->second.uid};
    switch (pick(3)) {
      case 0: {
        target = children.empty() || pick(2) != 0 ? main : children[pick(uint32_t(children.size()))];
        ticket = fence_->try_change(*target);
        if (!ticket) return handover_->blocked(*target);
        if (target == main) check_write(main);
        break;
      }
      case 1:
        if (handover_->needs_owner_references()) {
          ticket = fence_->try_create({&owner, 1});
          if (!ticket) return handover_->blocked_create({&owner, 1});
        } else {
          ticket = fence_->create_unread();
        }
        break;
      default: return;
    }
    writes_.push_back({std::move(*ticket), main, object->second.uid, target});
  }

  // A write passed: it must not be one to an object that was handed over and not seen here since.
  void check_write(const ObjectRef& main) {
    auto buried = buried_.find(main);
    if (buried == buried_.end() || options_.tombstones.max_objects == 6) return;
    EXPECT_GE(now_ - buried->second, options_.tombstones.keep) << main.name << " was written though handed over";
  }

  void controller_ends() {
    if (writes_.empty()) return;
    size_t i = pick(uint32_t(writes_.size()));
    ObjectRef main = writes_[i].main;
    if (objects_.contains(main) && pick(3) == 0 && !fence_->blocks(main)) create_child(main);
    writes_.erase(writes_.begin() + ptrdiff_t(i));
  }

  // The controller's reconciles and its metrics

  struct Reconcile {
    ObjectRef main;
    TimePoint began;
  };

  void reconcile_begins() { reconciles_.push_back({random_main(), now_}); }

  void reconcile_ends() {
    if (!reconciles_.empty()) reconciles_.erase(reconciles_.begin() + ptrdiff_t(pick(uint32_t(reconciles_.size()))));
  }

  void scrape_begins() {
    handover_->begin_round();
    step();
    scrape_sent_ = now_;
  }

  // A scrape proves what is true: whatever began before the oldest reconcile that runs has ended.
  void scrape_ends() {
    TimePoint proof = scrape_sent_.value();
    for (const Reconcile& reconcile : reconciles_) proof = std::min(proof, reconcile.began - 1ns);
    scrape_sent_.reset();
    handover_->processing_proof(proof);
  }

  void scrape() {
    if (!scrape_sent_) scrape_begins();
    scrape_ends();
  }

  void controller_dies() {
    reconciles_.clear();
    writes_.clear();
    handover_->processing_proof(now_);
  }

  void expect_proof(bool expected) {
    if (!proof_expected_) window_until_ = now_;
    proof_expected_ = expected;
    handover_->expect_proof(expected);
  }

  // A reconcile of the object that ran when it was fenced runs on while it is acknowledged.
  void note_running(const ObjectRef& ref) {
    auto fenced = fenced_since_.find(ref);
    bool runs = fenced != fenced_since_.end() && std::ranges::any_of(reconciles_, [&](const Reconcile& reconcile) {
                  return reconcile.main == ref && reconcile.began <= fenced->second;
                });
    if (runs) acknowledged_while_running_.insert(ref);
  }

  void check_quiet(const Finished& finished) {
    bool ran = acknowledged_while_running_.erase(finished.object) > 0;
    if (finished.outcome != Finished::Outcome::kAcknowledged) return;
    ASSERT_TRUE(finished.quiet);
    TimePoint quiet_at = now_ - finished.acknowledged - finished.moved;
    if (*finished.quiet == Quiet::kProof) {
      EXPECT_FALSE(ran) << finished.object.name << " moved by proof while it was reconciled";
    } else if (*finished.quiet == Quiet::kWindow) {
      EXPECT_GE(finished.quiesced, options_.quiet_window);
      EXPECT_TRUE(!proof_expected_ || quiet_at <= window_until_) << "by the window though a proof was to come";
    } else {
      EXPECT_GE(finished.quiesced, options_.deadline);
    }
  }

  // The I/O layer

  struct Call {
    RequestId id;
    Action action;
    std::optional<Result<LiveObject>> result;
    std::optional<std::string> must_join = {};  // of an acknowledgement: the shard that has its children
    int round = 0;                              // of a child's release
  };

  void deliver_drain() {
    if (drain_events_.empty()) return;
    Event event = std::move(drain_events_.front());
    drain_events_.pop_front();
    if (event.meta) {
      known_.insert(event.ref);
      handover_->drain_seen(kMain, *event.meta, now_);
    } else {
      handover_->drain_left(event.ref);
      forget_moves(event.ref);
    }
  }

  void deliver_child() {
    if (child_events_.empty() || !index_on_) return;
    Event event = std::move(child_events_.front());
    child_events_.pop_front();
    if (event.meta) {
      known_.insert(event.ref);
      handover_->children().upsert(kControlled, *event.meta);
    } else {
      handover_->children().remove(event.ref);
    }
  }

  void list_drains(bool first = false) {
    drain_events_.clear();
    std::vector<kube::ObjectMeta> metas;
    for (const auto& [ref, object] : objects_) {
      if (ref.resource != kMain || !is_watched(ref, object)) continue;
      known_.insert(ref);
      metas.push_back(meta_of(ref, object));
    }
    handover_->drains_listed(kMain, metas, now_, first);
    for (const ObjectRef& ref : all_mains()) {
      auto object = objects_.find(ref);
      if (object != objects_.end() && !is_watched(ref, object->second)) forget_moves(ref);
    }
  }

  void list_children() {
    if (!index_on_) return;
    child_events_.clear();
    handover_->children().begin_list(kControlled);
    for (const auto& [ref, object] : objects_) {
      if (ref.resource != kControlled || !is_watched(ref, object)) continue;
      known_.insert(ref);
      handover_->children().upsert(kControlled, meta_of(ref, object));
    }
    handover_->children().end_list(kControlled);
    index_listed_ = true;
  }

  void process_call() {
    if (calls_.empty()) return;
    Call& call = calls_[pick(uint32_t(calls_.size()))];
    if (call.result) return;
    bool fails = faults_ && pick(8) == 0;
    if (fails && pick(2) == 0) {
      call.result = failure(pick(2) != 0 ? ErrorKind::kForbidden : ErrorKind::kRetry, "not processed");
      return;
    }
    if (const auto* acknowledge = std::get_if<Acknowledge>(&call.action)) {
      call.result = release(acknowledge->object, acknowledge->resource_version, acknowledge->shard);
      if (*call.result) check_acknowledge(acknowledge->object);
      if (*call.result && call.must_join) {
        EXPECT_EQ((*call.result)->shard, *call.must_join) << acknowledge->object.name << " is not with its children";
      }
    } else if (const auto* child = std::get_if<ReleaseChild>(&call.action)) {
      call.result = release(child->object, child->resource_version, child->shard);
      if (child->shard == "a") {
        released_.erase(child->object);
      } else {
        released_.insert(child->object);
      }
      if (*call.result) note_moved(child->object, call.round);
    } else {
      call.result = read(std::get<ReadLive>(call.action).object);
    }
    if (fails) call.result = failure(ErrorKind::kTimedOut, "processed, but the answer was lost");
  }

  void answer_call() {
    if (calls_.empty()) return;
    size_t i = pick(uint32_t(calls_.size()));
    if (!calls_[i].result) return;
    Call call = std::move(calls_[i]);
    calls_.erase(calls_.begin() + ptrdiff_t(i));
    note_answer(call);
    handover_->answered(call.id, *call.result, now_);
  }

  // Keeps track of what the handover has been told about who owns a main object.
  void note_answer(const Call& call) {
    const ObjectRef* ref = nullptr;
    if (const auto* acknowledge = std::get_if<Acknowledge>(&call.action)) ref = &acknowledge->object;
    if (const auto* live = std::get_if<ReadLive>(&call.action)) ref = &live->object;
    if (ref == nullptr || ref->resource != kMain) return;
    bool gone = !*call.result && call.result->error().kind == ErrorKind::kNotFound;
    if (gone || (*call.result && (*call.result)->shard == "a")) buried_.erase(*ref);
    if (*call.result && (*call.result)->shard != "a" && std::holds_alternative<Acknowledge>(call.action)) {
      buried_.emplace(*ref, now_);
    }
  }

  // Invariants of the moment of the acknowledgement.
  void check_acknowledge(const ObjectRef& ref) {
    auto object = objects_.find(ref);
    if (object == objects_.end() || !fenced_since_.contains(ref)) return;
    bool overdue = now_ - fenced_since_.at(ref) >= options_.deadline;
    for (const Write& write : writes_) {
      if (write.main != ref || write.uid != object->second.uid) continue;
      // A child that the index does not know yet: the quiet window is there for the delay of its watch.
      if (write.target && !fence_->blocks(*write.target)) continue;
      EXPECT_TRUE(overdue) << ref.name << " acknowledged with a request under way";
    }
  }

  // At the decision to acknowledge: every child that the index knows of is released.
  void check_children(const ObjectRef& ref) {
    auto object = objects_.find(ref);
    if (object == objects_.end()) return;
    // It was away and came back with its children: the handover cannot know yet.
    if (std::ranges::any_of(drain_events_, [&](const Event& event) { return event.ref == ref; })) return;
    for (const ObjectRef* child : handover_->children().children_of(object->second.uid)) {
      auto stored = objects_.find(*child);
      if (stored == objects_.end() || stored->second.shard != "a") continue;
      EXPECT_TRUE(released_.contains(*child)) << ref.name << " acknowledged before its child " << child->name;
    }
  }

  // Also then: its children have had time to arrive, and it must go where they went, if they are together.
  std::optional<std::string> check_arrival(const ObjectRef& ref) {
    auto object = objects_.find(ref);
    if (object == objects_.end()) return std::nullopt;
    auto moved = moved_.find(object->second.uid);
    if (moved == moved_.end()) return std::nullopt;
    if (std::ranges::any_of(drain_events_, [&](const Event& event) { return event.ref == ref; })) return std::nullopt;
    EXPECT_GE(now_ - moved->second.last, options_.arrival) << ref.name << " acknowledged too soon after its children";
    std::set<std::string> shards;
    for (const auto& [child, shard] : moved->second.shards) shards.insert(shard);
    EXPECT_FALSE(shards.contains("")) << ref.name << " acknowledged while nobody has a child of it";
    // By requests whose answers it did not wait for, others may be elsewhere.
    for (const ObjectRef& child : children_of(object->second.uid)) shards.insert(objects_.at(child).shard);
    return shards.size() == 1 ? std::optional(*shards.begin()) : std::nullopt;
  }

  // What it knew of the children's moves ends when an object has left. Requests that are still under way then are
  // nobody's, and so are those of an object that is in service again.
  void forget_moves(const ObjectRef& ref) {
    auto object = objects_.find(ref);
    if (object != objects_.end()) moved_.erase(object->second.uid);
    leave_requests_behind(ref);
  }

  void leave_requests_behind(const ObjectRef& ref) {
    auto object = objects_.find(ref);
    if (object != objects_.end()) ++rounds_[object->second.uid];
  }

  void note_moved(const ObjectRef& child, int round) {
    const Stored& stored = objects_.at(child);
    if (rounds_[stored.owner_uid] != round) return;
    Moved& moved = moved_[stored.owner_uid];
    if (released_.contains(child)) {
      moved.shards[child] = stored.shard;
      moved.last = now_;
    } else {
      moved.shards.erase(child);  // taken back
    }
  }

  // Everything that is elsewhere, as one list shows it.
  void answer_search() {
    if (!search_) return;
    ChildrenFound found;
    for (const auto& [ref, object] : objects_) {
      bool elsewhere = !object.shard.empty() && object.shard != "a";
      if (elsewhere && search_->contains(object.owner_uid)) found[object.owner_uid].insert(object.shard);
    }
    search_.reset();
    handover_->children_found(found);
  }

  void step() {
    for (Action& action : handover_->step(now_)) act(std::move(action));
    for (const ObjectRef& ref : all_mains()) {
      if (fence_->blocks(ref)) {
        fenced_since_.try_emplace(ref, now_);
      } else {
        fenced_since_.erase(ref);
        leave_requests_behind(ref);
      }
    }
    EXPECT_LE(handover_->fenced(), options_.max_batch);
    EXPECT_LE(calls_.size(), options_.max_requests);
  }

  void act(Action action) {
    if (std::holds_alternative<StartChildIndex>(action)) {
      EXPECT_FALSE(index_on_);
      index_on_ = true;
    } else if (std::holds_alternative<StopChildIndex>(action)) {
      EXPECT_TRUE(index_on_);
      index_on_ = index_listed_ = false;
      child_events_.clear();
    } else if (const auto* search = std::get_if<FindChildren>(&action)) {
      EXPECT_FALSE(search_) << "one search at a time";
      search_ = search->owner_uids;
    } else if (const auto* finished = std::get_if<Finished>(&action)) {
      EXPECT_TRUE(known_.contains(finished->object));
      check_quiet(*finished);
      if (finished->outcome == Finished::Outcome::kWithdrawn) {
        EXPECT_FALSE(fence_->blocks(finished->object));
      }
    } else {
      std::visit(
          [&](const auto& request) {
            if constexpr (requires { request.id; }) {
              EXPECT_TRUE(known_.contains(request.object)) << "unknown object " << request.object.name;
              Call call = {.id = request.id, .action = request, .result = std::nullopt};
              if constexpr (std::is_same_v<std::decay_t<decltype(request)>, Acknowledge>) {
                if (request.shard != "a") check_children(request.object);  // else all stay
                call.must_join = check_arrival(request.object);
                note_running(request.object);
              }
              auto object = objects_.find(request.object);
              if (object != objects_.end()) call.round = rounds_[object->second.owner_uid];
              calls_.push_back(std::move(call));
            }
          },
          action);
    }
  }

  static std::vector<ObjectRef> all_mains() {
    std::vector<ObjectRef> refs;
    for (int i = 0; i < 6; ++i) refs.push_back(main_ref(i));
    return refs;
  }

  void restart_sidecar() {
    writes_.clear();
    handover_.reset();
    fence_ = std::make_unique<Fence>();
    handover_.emplace(options_, *fence_);
    calls_.clear();
    index_on_ = index_listed_ = false;
    child_events_.clear();
    buried_.clear();
    fenced_since_.clear();
    acknowledged_while_running_.clear();
    search_.reset();
    now_ += options_.arrival;  // no process starts faster
    handover_->expect_proof(proof_expected_);
    list_drains(true);
  }

  void random_step() {
    switch (pick(24)) {
      case 0:
      case 1:
      case 2: central(); break;
      case 3:
      case 4: controller_begins(); break;
      case 5:
      case 6: controller_ends(); break;
      case 7:
      case 8: deliver_drain(); break;
      case 9:
      case 10: deliver_child(); break;
      case 11:
      case 12: process_call(); break;
      case 13:
      case 14: answer_call(); break;
      case 15: now_ += std::chrono::milliseconds(pick(400)); break;
      case 16:
        if (index_on_ && !index_listed_) list_children();
        break;
      case 17: random_rare_step(); break;
      case 18: reconcile_begins(); break;
      case 19: reconcile_ends(); break;
      case 20:
        if (scrape_sent_) {
          scrape_ends();
        } else if (proof_expected_) {
          scrape_begins();
        }
        break;
      default: now_ += 20ms;
    }
  }

  void random_rare_step() {
    switch (pick(9)) {
      case 0: list_drains(); break;
      case 1: list_children(); break;
      case 2:
        if (index_on_) handover_->children().begin_list(kControlled), index_listed_ = false;
        break;
      case 3: controller_dies(); break;
      case 4: expect_proof(pick(2) != 0); break;
      case 5:
        if (pick(4) == 0) restart_sidecar();
        break;
      case 6: now_ += 11s; break;
      case 7: answer_search(); break;
      default:
        if (pick(4) == 0) now_ += 21min;
    }
  }

  // No more inputs: everything that drains ends with another shard, and what is ours is in service.
  void settle() {
    faults_ = false;
    for (const ObjectRef& ref : all_mains()) sync(ref);
    if (pick(2) != 0) expect_proof(!proof_expected_);
    settle_round();
    writes_.clear();
    settle_round();
    // A try to write brings back what was handed over and came back.
    for (const ObjectRef& ref : all_mains()) {
      if (fence_->blocks(ref)) handover_->blocked(ref);
    }
    settle_round();
    for (const ObjectRef& ref : all_mains()) {
      auto object = objects_.find(ref);
      if (object == objects_.end() || object->second.shard != "a") continue;
      EXPECT_FALSE(object->second.draining) << ref.name << " was never acknowledged";
      EXPECT_FALSE(fence_->blocks(ref)) << ref.name << " is ours and fenced";
    }
    EXPECT_EQ(handover_->fenced() + handover_->waiting(), 0u);
    EXPECT_TRUE(calls_.empty());
  }

  void settle_round() {
    for (int i = 0; i < 400; ++i) {
      while (!drain_events_.empty()) deliver_drain();
      if (index_on_ && !index_listed_) list_children();
      while (index_on_ && !child_events_.empty()) deliver_child();
      for (int k = 0; k < 8; ++k) process_call(), answer_call();
      answer_search();
      if (proof_expected_) scrape();
      step();
      std::optional<TimePoint> wake = handover_->next_wake(now_);
      EXPECT_TRUE(!wake || *wake > now_);
      if (!calls_.empty()) continue;
      if (!wake || *wake - now_ > 10min) return;
      now_ = *wake;
    }
  }

  std::mt19937 random_;
  TimePoint now_ = TimePoint(1h);
  HandoverOptions options_;
  std::unique_ptr<Fence> fence_ = std::make_unique<Fence>();
  std::optional<Handover> handover_;

  std::map<ObjectRef, Stored> objects_;
  std::map<ObjectRef, std::string> desired_;
  int version_ = 0, uids_ = 0;
  std::deque<Event> drain_events_, child_events_;
  bool index_on_ = false, index_listed_ = false, faults_ = true;
  std::vector<Write> writes_;
  std::vector<Call> calls_;
  std::optional<std::set<std::string>> search_;  // UIDs of owners

  // Where the children of an owner (by its UID) went since it was fenced, and when the last one did.
  struct Moved {
    std::map<ObjectRef, std::string> shards;
    TimePoint last;
  };
  std::map<std::string, Moved> moved_;
  std::map<std::string, int> rounds_;

  std::set<ObjectRef> known_, released_;
  std::map<ObjectRef, TimePoint> buried_, fenced_since_;
  std::vector<Reconcile> reconciles_;
  std::set<ObjectRef> acknowledged_while_running_;
  bool proof_expected_ = false;
  std::optional<TimePoint> scrape_sent_;
  TimePoint window_until_ = TimePoint::min();  // when a proof was last not expected
};

TEST(HandoverModelTest, KeepsItsPromisesInEveryInterleaving) {
  constexpr uint32_t kSeeds = 1500;
  for (uint32_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model(seed).run();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace ringside::sidecar
