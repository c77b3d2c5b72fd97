// What a handover promises, whatever happens in whatever order: told of all that happens, it fails the test where a
// promise is not kept.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "tests/unit/sidecar/handover_shard.h"
#include "tests/unit/sidecar/handover_world.h"

namespace ringside::sidecar {

// The actions that are answered.
using HandoverRequest = std::variant<ReleaseChild, Acknowledge, ReadLive>;

class HandoverInvariants {
 public:
  // What is to be known of a request when it is processed.
  struct Asked {
    std::optional<std::string> must_join = {};  // of an acknowledgement: the shard that has its children
    int round = 0;                              // of a child's release
  };

  // Both must outlive this.
  HandoverInvariants(const HandoverWorld& world, HandoverShard& shard) : world_(world), shard_(shard) {}

  // What the handover is told.
  void on_seen(const ObjectRef& ref) { known_.insert(ref); }
  void on_drain_left(const ObjectRef& ref);
  void on_answer(const HandoverRequest& request, const Result<LiveObject>& result);
  void on_sidecar_restarted();

  // What it does. on_step: after the actions of a step.
  Asked on_request(const HandoverRequest& request);
  void on_parted(const std::string& owner_uid) { unsaid_.erase(owner_uid); }
  void on_finished(const Finished& finished);
  void on_step();

  // What others do: the API server has processed a request, whether or not its answer arrives; the controller was let
  // write to a main object; central has assigned an object that nobody had; another shard has given one back.
  void on_processed(const HandoverRequest& request, const Asked& asked, const Result<LiveObject>& result);
  void on_write(const ObjectRef& main);
  void on_assigned(const ObjectRef& ref);
  void on_handed_back(const ObjectRef& ref) { released_.erase(ref); }

 private:
  // Where the children of an owner (by its UID) went since it was fenced, and when the last one did.
  struct Moved {
    std::map<ObjectRef, std::string> shards;
    TimePoint last;
  };

  void check_children(const ObjectRef& ref) const;
  std::optional<std::string> check_arrival(const ObjectRef& ref) const;
  void check_acknowledged(const ObjectRef& ref) const;
  void check_quiet(const Finished& finished);
  bool owner_is_fenced(const ObjectRef& child) const;
  void note_parted(const ObjectRef& child);
  void check_parted(const ObjectRef& ref) const;
  void note_running(const ObjectRef& ref);
  void note_moved(const ObjectRef& child, int round);
  void leave_requests_behind(const ObjectRef& ref);

  const HandoverWorld& world_;
  HandoverShard& shard_;
  std::set<ObjectRef> known_;     // objects that the handover was told of
  std::set<ObjectRef> released_;  // children
  std::map<std::string, Moved> moved_;
  std::map<std::string, int> rounds_;            // by the owner's UID; counts the times that it was not fenced
  std::map<ObjectRef, TimePoint> buried_;        // main objects that are another's, as far as the handover was told
  std::map<ObjectRef, TimePoint> fenced_since_;  // main objects
  std::set<ObjectRef> acknowledged_while_running_;
  std::set<std::string> unsaid_;  // UIDs of owners whose children were parted from them, which it has not said
};

}  // namespace ringside::sidecar
