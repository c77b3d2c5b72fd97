#include "central/leader.h"

#include "sharding/names.h"

namespace ringside::central {

Leader::Leader(kube::Client& client, Logger log, const SharderConfig& config, RingStore& rings,
               const NamespaceStore& namespaces, Metrics& metrics, std::function<std::string()> ca_bundle)
    : discovery_(client),
      events_(client, log, std::string(sharding::kSharderName)),
      sync_context_{.client = client,
                    .log = log,
                    .namespaces = namespaces,
                    .discovery = discovery_,
                    .metrics = metrics,
                    .concurrent_moves = size_t(config.sharder.concurrent_moves),
                    .default_namespace_selector = config.webhook.namespace_selector},
      ring_reconciler_(client, log, rings, events_, config.webhook, std::move(ca_bundle)),
      fence_reconciler_(client, log, rings, config.webhook.namespace_selector,
                        [this](const std::string& ring, std::optional<Error> problem) {
                          ring_reconciler_.set_fence_problem(ring, problem);
                        }),
      shard_lease_reconciler_(client, log, rings),
      rebalancer_(sync_context_, rings, config.sharder.sync_period,
                  {.report = [this](const std::string& ring,
                                    const SyncOutcome& outcome) { ring_reconciler_.set_sync_outcome(ring, outcome); },
                   .set_moving = [this](const std::string& ring,
                                        bool moving) { shard_lease_reconciler_.set_moving(ring, moving); }}) {}

}  // namespace ringside::central
