// The handover's hands: the watches, reads and patches that Handover asks for, and the gate of the write path.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "event/job.h"
#include "event/loop.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "kube/informer.h"
#include "sharding/controller_ring.h"
#include "sidecar/child_index_feed.h"
#include "sidecar/fence.h"
#include "sidecar/handover.h"
#include "sidecar/quiescence_probe.h"
#include "sidecar/write_gate.h"

namespace ringside::sidecar {

class HandoverAgent : public WriteGate {
 public:
  struct Options {
    std::string ring;
    std::string shard;
    Duration quiet_window = std::chrono::milliseconds(150);
    std::optional<QuiescenceProbe::Options> metrics = {};  // of the controller, if they can be read
    bool unsafe = false;                                   // see --unsafe-handover
    // Of an object, by its UID, that is or may be in service while children of it are on another shard.
    std::function<void(const std::string& owner_uid)> on_children_parted = [](const std::string&) {};
  };

  HandoverAgent(kube::Client& client, Logger log, MetricsRegistry& metrics, Options options);
  ~HandoverAgent() override;

  // The ring as it is now, or nullptr while it is not known: drains are neither seen nor worked off then.
  void set_ring(const sharding::ControllerRing* ring);
  // The controller's process is gone: whatever it was reconciling has ended.
  void on_controller_gone();

  // WriteGate.
  bool needs_owner_references() const override;
  std::expected<InFlight, kube::Status> admit_change(const ObjectRef& object) override;
  std::expected<InFlight, kube::Status> admit_create(const kube::GroupResource& resource,
                                                     const kube::ObjectMeta& meta) override;
  std::expected<InFlight, kube::Status> admit_unread_create() override;
  std::expected<InFlight, kube::Status> admit_delete_collection(const kube::GroupResource& resource) override;
  void on_write_done() override;
  bool is_fenced(const ObjectRef& object) const override { return fence_.blocks(object); }

 private:
  event::Task<void> watch_drains(kube::GroupResource resource);
  std::unique_ptr<kube::Informer> drain_informer(const kube::GroupResource& resource, const kube::ResourceType& type,
                                                 const std::string& ns);
  void on_drain(const kube::GroupResource& resource, const json::Value& object, bool inherited);
  void make_probe(const QuiescenceProbe::Options& options);
  void step();
  void step_handover(TimePoint now);
  void run(const StartChildIndex&);
  void run(const StopChildIndex&);
  void run(const FindChildren& action);
  void run(const ReleaseChild& action);
  void run(const Acknowledge& action);
  void run(const ReadLive& action);
  void run(const ChildrenParted& action);
  void run(const Finished& action);
  event::Task<void> patch(RequestId id, ObjectRef object, std::string resource_version, std::string shard);
  event::Task<void> read(RequestId id, ObjectRef object);
  event::Task<void> find_children(std::set<std::string> owner_uids);
  event::Task<void> acknowledge_on_sight(ObjectRef object, std::string resource_version);
  event::Task<Result<LiveObject>> try_patch(const ObjectRef& object, const std::string& resource_version,
                                            const std::string& shard);
  event::Task<Result<LiveObject>> try_read(const ObjectRef& object);
  LiveObject live_object(const json::Value& object) const;
  kube::Status fenced(const ObjectRef& object) const;

  kube::Client& client_;
  Logger log_;
  Options options_;
  CounterFamily& finished_;
  HistogramFamily& phase_seconds_;
  CounterFamily& quiescence_;
  CounterFamily& fence_denials_;
  std::string shard_label_;
  std::string drain_label_;
  kube::Discovery discovery_;
  Fence fence_;

  // Of the ring as it is now; made anew when its resources change.
  std::vector<kube::GroupResource> controlled_;
  std::vector<sharding::RingResource> resources_;
  std::unique_ptr<Handover> handover_;
  bool proof_expected_ = false;          // of handovers to come, too
  std::vector<std::string> namespaces_;  // of the ring; {""}: all, and what is cluster-scoped
  std::map<kube::GroupResource, std::vector<std::unique_ptr<kube::Informer>>> drains_;
  std::set<std::pair<kube::GroupResource, std::string>> listed_;  // resource and namespace: after the first list
  std::unique_ptr<ChildIndexFeed> index_feed_;
  std::unique_ptr<QuiescenceProbe> probe_;

  std::unique_ptr<event::TurnEnd> step_;
  std::unique_ptr<event::Timer> wake_;
  std::unique_ptr<event::JobSet> watching_;  // discovery of the main resources
  std::unique_ptr<event::JobSet> requests_;
};

}  // namespace ringside::sidecar
