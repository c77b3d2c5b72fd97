// Counters, gauges and histograms in the Prometheus text format.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ringside {

using MetricLabels = std::map<std::string, std::string>;

// A family of one name. Series come into being when they are first touched. References to the registry's families stay
// valid as long as the registry. Used from the loop's thread only.
class CounterFamily {
 public:
  virtual ~CounterFamily() = default;
  virtual void add(const MetricLabels& labels, double amount = 1) = 0;
};

class GaugeFamily {
 public:
  virtual ~GaugeFamily() = default;
  virtual void set(const MetricLabels& labels, double value) = 0;
  // Removes the series, so that what is gone is not reported any more.
  virtual void remove(const MetricLabels& labels) = 0;
};

class HistogramFamily {
 public:
  virtual ~HistogramFamily() = default;
  virtual void observe(const MetricLabels& labels, double value) = 0;
};

class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  // Names are unique within a registry; asking again for a name gives another handle on the same family.
  CounterFamily& counter(const std::string& name, const std::string& help);
  GaugeFamily& gauge(const std::string& name, const std::string& help);
  // Upper bounds in ascending order; +Inf is added.
  HistogramFamily& histogram(const std::string& name, const std::string& help, std::vector<double> bounds);

  // Everything, in the text format version 0.0.4, with process_resident_memory_bytes and process_cpu_seconds_total.
  std::string to_text();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringside
