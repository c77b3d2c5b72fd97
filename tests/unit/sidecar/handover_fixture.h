// The handover of one main object, X, with one child, step by step.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sidecar/handover.h"
#include "tests/unit/sidecar/handover_objects.h"

namespace ringside::sidecar {

inline const ObjectRef kX = {.resource = kMain, .ns = "d", .name = "x"};
inline const ObjectRef kChild = {.resource = kControlled, .ns = "d", .name = "child"};

// Shard "a" is under test. X drains when see_drain() is called; what the handover wants done comes from next().
class HandoverTest : public ::testing::Test {
 protected:
  static constexpr Duration kQuietWindow = std::chrono::milliseconds(300);

  explicit HandoverTest(Duration arrival = {})
      : handover_({.shard = "a", .controlled = {kControlled}, .quiet_window = kQuietWindow, .arrival = arrival},
                  fence_) {}

  static kube::OwnerReference owner_reference(std::string uid, bool controller) {
    kube::OwnerReference reference;
    reference.uid = std::move(uid);
    reference.controller = controller;
    return reference;
  }

  static kube::ObjectMeta meta(const ObjectRef& ref, std::string version, std::string uid = "uid-x") {
    kube::ObjectMeta result;
    result.ns = ref.ns;
    result.name = ref.name;
    result.uid = std::move(uid);
    result.resource_version = std::move(version);
    return result;
  }

  static LiveObject live(std::string shard, bool draining, std::string version = "9", std::string uid = "uid-x") {
    return {
        .uid = std::move(uid), .resource_version = std::move(version), .shard = std::move(shard), .draining = draining};
  }

  // X drains; the index is ready, with the child if asked for.
  void see_drain(bool with_child = false) {
    handover_.drain_seen(kMain, meta(kX, "5"), now_);
    EXPECT_TRUE(next<StartChildIndex>());
    handover_.children().begin_list(kControlled);
    if (with_child) index_child(kChild);
    handover_.children().end_list(kControlled);
    step();
  }

  // ... and the quiet window passes.
  void see_drain_and_wait(bool with_child = false) {
    see_drain(with_child);
    now_ += kQuietWindow;
  }

  // The index hears of a child of X.
  void index_child(const ObjectRef& ref) {
    kube::ObjectMeta child = meta(ref, "6", "uid-" + ref.name);
    child.owner_references = {owner_reference("uid-x", true)};
    handover_.children().upsert(kControlled, child);
  }

  void step() {
    for (Action& action : handover_.step(now_)) pending_.push_back(std::move(action));
  }

  // The next action, which must be of that type; nullopt (without a failure) if there is none.
  template <typename T>
  std::optional<T> next() {
    step();
    if (pending_.empty()) return std::nullopt;
    Action action = std::move(pending_.front());
    pending_.erase(pending_.begin());
    EXPECT_TRUE(std::holds_alternative<T>(action)) << action.index();
    return std::holds_alternative<T>(action) ? std::optional(std::get<T>(std::move(action))) : std::nullopt;
  }

  bool idle() {
    step();
    return pending_.empty();
  }

  void answer(RequestId id, Result<LiveObject> result) { handover_.answered(id, result, now_); }

  void answer_error(RequestId id, ErrorKind kind) { answer(id, failure(kind, "injected")); }

  // Until X is a tombstone.
  void hand_over(bool with_child = false) {
    see_drain_and_wait(with_child);
    if (with_child) answer(next<ReleaseChild>()->id, live("b", false, "8", "uid-child"));
    answer(next<Acknowledge>()->id, live("b", false));
    EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kAcknowledged);
    EXPECT_TRUE(fence_.blocks(kX));
  }

  TimePoint now_ = TimePoint(std::chrono::hours(1));
  Fence fence_;
  Handover handover_;
  std::vector<Action> pending_;
};

}  // namespace ringside::sidecar
