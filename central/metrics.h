// Central's metrics, under the reference's names (protocol.md, "Metrics of the reference").
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "kube/meta.h"

namespace ringside::central {

class RingStore;

// The registry must outlive it.
class Metrics {
 public:
  explicit Metrics(MetricsRegistry& registry);

  void count_assignment(std::string_view ring, const kube::GroupResource& resource);
  void count_movement(std::string_view ring, const kube::GroupResource& resource);
  void count_drain(std::string_view ring, const kube::GroupResource& resource);
  void count_ring_calculation(std::string_view ring);
  void set_leading(bool leading);

  // Sets the gauges of rings and shards to what the store says now, and drops those of what is gone. Called at a
  // scrape.
  void collect(const RingStore& store, TimePoint now);

 private:
  void set(GaugeFamily& family, MetricLabels labels, double value);

  CounterFamily& assignments_;
  CounterFamily& movements_;
  CounterFamily& drains_;
  CounterFamily& ring_calculations_;
  GaugeFamily& leading_;
  GaugeFamily& metadata_generation_;
  GaugeFamily& observed_generation_;
  GaugeFamily& shards_;
  GaugeFamily& available_shards_;
  GaugeFamily& shard_info_;
  GaugeFamily& shard_state_;

  using Series = std::set<std::pair<GaugeFamily*, MetricLabels>>;
  Series collected_;  // by the scrape before
  Series collecting_;
};

}  // namespace ringside::central
