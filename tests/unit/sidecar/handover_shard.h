// The shard under test: the handover of its sidecar, and the controller behind it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/fence.h"
#include "sidecar/handover.h"
#include "tests/unit/sidecar/handover_world.h"

namespace ringside::sidecar {

class HandoverShard {
 public:
  // A write of the controller that is under way.
  struct Write {
    InFlight ticket;
    ObjectRef main;
    std::string uid;                  // of main; one of an object since deleted and made again does not count
    std::optional<ObjectRef> target;  // unless a create
  };
  struct Reconcile {
    ObjectRef main;
    TimePoint began;
  };

  // The world must outlive the shard.
  explicit HandoverShard(HandoverWorld& world);

  const HandoverOptions& options() const { return options_; }
  const Fence& fence() const { return *fence_; }
  Handover& handover() { return *handover_; }
  // It takes a while, and requests that were under way are nobody's.
  void restart_sidecar();

  // The controller writes to a random object or a child of it, or makes a child, if it is let. Returns the main object
  // that it writes to itself, if so.
  std::optional<ObjectRef> begin_write();
  void end_write();
  void end_writes() { writes_.clear(); }
  const std::vector<Write>& writes() const { return writes_; }

  void begin_reconcile() { reconciles_.push_back({world_.random_main(), world_.now}); }
  void end_reconcile();
  const std::vector<Reconcile>& reconciles() const { return reconciles_; }
  void kill_controller();

  // The controller's metrics: whether they can be read, and a reading of them.
  void expect_proof(bool expected);
  bool proof_expected() const { return proof_expected_; }
  void begin_scrape() { scrape_sent_ = world_.now; }
  bool scraping() const { return scrape_sent_.has_value(); }
  // Proves what is true: whatever began before the oldest reconcile that runs has ended.
  void end_scrape();
  // Whether no proof was to come at that moment.
  bool had_no_proof(TimePoint moment) const { return !proof_expected_ || moment <= window_until_; }

 private:
  std::optional<ObjectRef> begin_change(const ObjectRef& main, const std::string& uid);
  void begin_create(const ObjectRef& main, const std::string& uid);

  HandoverWorld& world_;
  HandoverOptions options_;
  std::unique_ptr<Fence> fence_ = std::make_unique<Fence>();
  std::optional<Handover> handover_;
  std::vector<Write> writes_;
  std::vector<Reconcile> reconciles_;
  bool proof_expected_ = false;
  std::optional<TimePoint> scrape_sent_;
  TimePoint window_until_ = TimePoint::min();  // when a proof was last not expected
};

}  // namespace ringside::sidecar
