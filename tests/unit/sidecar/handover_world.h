// The cluster around a handover: a tiny API server with its watches, the webhook, and central.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "sidecar/handover_actions.h"
#include "tests/unit/sidecar/handover_objects.h"

namespace ringside::sidecar {

// Up to six main objects and their children. The shard under test is "a"; "b" and "c" are others, whose controllers do
// nothing. What happens is decided by the seed.
class HandoverWorld {
 public:
  struct Object {
    std::string uid;
    int version = 0;
    std::string shard;
    bool draining = false;
    std::string owner_uid;  // of children

    LiveObject live() const;
  };

  // What a watch delivers: the object, or that it left.
  struct Event {
    ObjectRef ref;
    std::optional<kube::ObjectMeta> meta;
  };

  explicit HandoverWorld(uint32_t seed) : random_(seed) {}

  static const std::vector<ObjectRef>& all_mains();

  uint32_t pick(uint32_t n) { return uint32_t(random_() % n); }
  ObjectRef random_main() { return all_mains()[pick(uint32_t(all_mains().size()))]; }
  // Whether something that may go wrong does, once in eight times.
  bool fault() { return faults_ && pick(8) == 0; }
  void end_faults() { faults_ = false; }

  // The API server. nullptr: there is none; valid until the object is removed.
  const Object* find(const ObjectRef& ref) const;
  std::vector<ObjectRef> children_of(const std::string& uid) const;
  // With up to two children; wanted on "a".
  void create_main(const ObjectRef& ref);
  void create_child(const ObjectRef& owner);
  // The sidecar's patch: the labels go, the webhook assigns. Or it names the shard.
  Result<LiveObject> release(const ObjectRef& ref, const std::string& version, const std::string& named);
  Result<LiveObject> read(const ObjectRef& ref) const;
  // Where children of these owners are but on "a".
  ChildrenFound children_elsewhere(const std::set<std::string>& owner_uids) const;

  // The shard's watches: of main objects that drain, and of its children while it asks for them. A list shows what is
  // there, and its watch goes on from then.
  void watch_children(bool on);
  bool watches_children() const { return watches_children_; }
  std::vector<kube::ObjectMeta> list(const kube::GroupResource& resource);
  // nullopt: nothing happened.
  std::optional<Event> next_event(const kube::GroupResource& resource);
  bool has_event_of_main(const ObjectRef& ref) const;
  static bool is_watched(const ObjectRef& ref, const Object& object);

  // Central does something, to a random object: mostly sync(); or the ring changes, an object comes or goes.
  void run_central();
  // Assigns what nobody has, drains what is to leave, withdraws a drain that is not wanted any more, and the other
  // shard hands back.
  void sync(const ObjectRef& ref);

  TimePoint now = TimePoint(std::chrono::hours(1));

  // Central has given the object, which nobody had, to a shard.
  std::function<void(const ObjectRef&)> on_assigned = [](const ObjectRef&) {};
  // Another shard has given the object back to "a".
  std::function<void(const ObjectRef&)> on_handed_back = [](const ObjectRef&) {};

 private:
  // Every write goes through here, so that the watches see it.
  void write(const ObjectRef& ref, const std::function<void(Object&)>& change);
  void remove(const ObjectRef& ref);
  void publish(const ObjectRef& ref, bool was_seen, bool is_seen);
  std::deque<Event>& events(const kube::GroupResource& resource);
  std::string shard_by_webhook(const ObjectRef& ref, const Object& object) const;
  void assign_if_nobodys(const ObjectRef& ref, const std::string& shard);
  void hand_back(const ObjectRef& ref);

  std::mt19937 random_;
  std::map<ObjectRef, Object> objects_;
  std::map<ObjectRef, std::string> desired_;  // shards of main objects, as the ring is
  int version_ = 0, uids_ = 0;
  std::deque<Event> drain_events_, child_events_;
  bool watches_children_ = false, faults_ = true;
};

}  // namespace ringside::sidecar
