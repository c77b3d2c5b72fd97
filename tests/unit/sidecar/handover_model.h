// A handover among everything that can happen to draining objects: each thing is a function, to be called in any order.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/sidecar/handover_invariants.h"
#include "tests/unit/sidecar/handover_shard.h"
#include "tests/unit/sidecar/handover_world.h"

namespace ringside::sidecar {

// The sidecar's I/O between the world and the shard, which takes its time and may fail. Invariants are checked all
// along.
class HandoverModel {
 public:
  explicit HandoverModel(uint32_t seed);
  HandoverModel(const HandoverModel&) = delete;
  HandoverModel& operator=(const HandoverModel&) = delete;

  HandoverWorld& world() { return world_; }
  HandoverShard& shard() { return shard_; }

  // The handover's step, and what it wants done begins.
  void step();

  // An event of a watch arrives; false if there is none. A whole list does.
  bool deliver_drain();
  bool deliver_child();
  void list_drains(bool first = false);
  void list_children();
  // The list of children begins, and has not arrived yet.
  void begin_list_of_children();
  bool awaits_children() const { return world_.watches_children() && !children_listed_; }

  // A random one of the requests is processed by the API server, or is not; the answer to one that was arrives.
  void process_request();
  void answer_request();
  size_t requests() const { return requests_.size(); }
  // The search for children elsewhere finds what one list shows.
  void answer_search();

  void begin_write();
  void begin_scrape();
  void restart_sidecar();

 private:
  struct Request {
    HandoverRequest action;
    HandoverInvariants::Asked asked;
    std::optional<Result<LiveObject>> result;
  };

  void act(Action action);
  Result<LiveObject> process(const HandoverRequest& request);

  HandoverWorld world_;
  HandoverShard shard_;
  HandoverInvariants invariants_;
  bool children_listed_ = false;
  std::vector<Request> requests_;
  std::optional<std::set<std::string>> search_;  // UIDs of owners
};

}  // namespace ringside::sidecar
