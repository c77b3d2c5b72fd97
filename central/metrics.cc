#include "central/metrics.h"

#include "central/ring_store.h"

namespace ringside::central {
namespace {

using sharding::ShardState;

MetricLabels labels_of(std::string_view ring, const kube::GroupResource& resource) {
  return {{"controllerring", std::string(ring)}, {"group", resource.group}, {"resource", resource.resource}};
}

}  // namespace

Metrics::Metrics(MetricsRegistry& registry)
    : assignments_(
          registry.counter("controller_sharding_assignments_total", "Objects that the webhook assigned to a shard.")),
      movements_(registry.counter("controller_sharding_movements_total",
                                  "Objects whose labels were removed so that they are assigned anew.")),
      drains_(registry.counter("controller_sharding_drains_total", "Objects that a shard was asked to hand over.")),
      ring_calculations_(registry.counter("controller_sharding_ring_calculations_total",
                                          "Times that the hash ring was built, since its shards changed.")),
      orphans_(registry.counter("ringside_central_orphans_total",
                                "Objects that were found without a shard because the webhook had not assigned them.")),
      sync_seconds_(registry.histogram("ringside_central_sync_duration_seconds", "Time of a sync of a ring, by kind.",
                                       {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60})),
      review_seconds_(registry.histogram(
          "ringside_central_webhook_duration_seconds", "Time from an admission review's last byte to its answer.",
          {0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5})),
      leading_(registry.gauge("controller_sharding_leader", "1 while this replica leads.")),
      metadata_generation_(registry.gauge("controller_sharding_controllerring_metadata_generation",
                                          "metadata.generation of the ControllerRing.")),
      observed_generation_(registry.gauge("controller_sharding_controllerring_observed_generation",
                                          "status.observedGeneration of the ControllerRing.")),
      shards_(
          registry.gauge("controller_sharding_controllerring_status_shards", "status.shards of the ControllerRing.")),
      available_shards_(registry.gauge("controller_sharding_controllerring_status_available_shards",
                                       "status.availableShards of the ControllerRing.")),
      shard_info_(registry.gauge("controller_sharding_shard_info", "1 for every shard Lease.")),
      shard_state_(registry.gauge("controller_sharding_shard_state", "1 for the state that the shard is in, else 0.")) {
}

void Metrics::count_assignment(std::string_view ring, const kube::GroupResource& resource) {
  assignments_.add(labels_of(ring, resource));
}

void Metrics::count_movement(std::string_view ring, const kube::GroupResource& resource) {
  movements_.add(labels_of(ring, resource));
}

void Metrics::count_drain(std::string_view ring, const kube::GroupResource& resource) {
  drains_.add(labels_of(ring, resource));
}

void Metrics::count_ring_calculation(std::string_view ring) {
  ring_calculations_.add({{"controllerring", std::string(ring)}});
}

void Metrics::count_orphans(std::string_view ring, size_t objects) {
  orphans_.add({{"controllerring", std::string(ring)}}, double(objects));
}

void Metrics::observe_sync(std::string_view ring, std::string_view kind, Duration duration) {
  sync_seconds_.observe({{"controllerring", std::string(ring)}, {"kind", std::string(kind)}},
                        std::chrono::duration<double>(duration).count());
}

void Metrics::observe_review(std::string_view ring, int code, Duration duration) {
  review_seconds_.observe({{"controllerring", std::string(ring)}, {"code", std::to_string(code)}},
                          std::chrono::duration<double>(duration).count());
}

void Metrics::set_leading(bool leading) {
  leading_.set({}, leading ? 1 : 0);
}

void Metrics::collect(const RingStore& store, TimePoint now) {
  for (const std::string& name : store.ring_names()) {
    auto ring = store.find(name);
    if (!ring || !ring->object) continue;
    const sharding::ControllerRingStatus& status = ring->object->status;
    set(metadata_generation_, {{"controllerring", name}}, double(ring->meta.generation));
    set(observed_generation_, {{"controllerring", name}}, double(status.observed_generation));
    set(shards_, {{"controllerring", name}}, double(status.shards));
    set(available_shards_, {{"controllerring", name}}, double(status.available_shards));
  }
  for (const auto& [name, lease] : store.leases()) {
    MetricLabels shard = {{"namespace", name.ns}, {"shard", name.name}};
    MetricLabels info = shard;
    info["controllerring"] = lease.ring;
    set(shard_info_, info, 1);
    ShardState present = lease.observer.status(now).state;
    for (ShardState state :
         {ShardState::kReady, ShardState::kExpired, ShardState::kUncertain, ShardState::kDead, ShardState::kOrphaned}) {
      MetricLabels labels = shard;
      labels["state"] = sharding::to_string(state);
      set(shard_state_, labels, state == present ? 1 : 0);
    }
  }
  for (const auto& [family, labels] : collected_) {
    if (!collecting_.contains({family, labels})) family->remove(labels);
  }
  collected_ = std::move(collecting_);
  collecting_.clear();
}

void Metrics::set(GaugeFamily& family, MetricLabels labels, double value) {
  family.set(labels, value);
  collecting_.emplace(&family, std::move(labels));
}

}  // namespace ringside::central
