// Central's metrics: those of the reference under its names (protocol.md, "Metrics of the reference"), and ours, which
// begin with ringside_central_.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
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
  void count_orphans(std::string_view ring, size_t objects);
  // `kind`: "full", "homeless", "unassigned", "stragglers".
  void observe_sync(std::string_view ring, std::string_view kind, Duration duration);
  // `code`: of the HTTP answer; in seconds from the request's last byte on.
  void observe_review(std::string_view ring, int code, Duration duration);
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
  CounterFamily& orphans_;
  HistogramFamily& sync_seconds_;
  HistogramFamily& review_seconds_;
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
