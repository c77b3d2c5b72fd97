#include "base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace ringside {
namespace {

// The series of a family, none of which is ever removed. Family::Add makes a new one each time, and drops it if there
// is one with these labels.
template <typename Metric>
class Series {
 public:
  explicit Series(prometheus::Family<Metric>& family) : family_(family) {}
  template <typename... Arguments>
  Metric& of(const MetricLabels& labels, const Arguments&... arguments) {
    auto found = known_.find(labels);
    if (found == known_.end()) found = known_.emplace(labels, &family_.Add(labels, arguments...)).first;
    return *found->second;
  }

 private:
  prometheus::Family<Metric>& family_;
  std::map<MetricLabels, Metric*> known_;
};

class Counters : public CounterFamily {
 public:
  explicit Counters(prometheus::Family<prometheus::Counter>& family) : series_(family) {}
  void add(const MetricLabels& labels, double amount) override { series_.of(labels).Increment(amount); }

 private:
  Series<prometheus::Counter> series_;
};

class Gauges : public GaugeFamily {
 public:
  explicit Gauges(prometheus::Family<prometheus::Gauge>& family) : family_(family) {}
  void set(const MetricLabels& labels, double value) override { family_.Add(labels).Set(value); }
  void remove(const MetricLabels& labels) override { family_.Remove(&family_.Add(labels)); }

 private:
  prometheus::Family<prometheus::Gauge>& family_;
};

class Histograms : public HistogramFamily {
 public:
  Histograms(prometheus::Family<prometheus::Histogram>& family, std::vector<double> bounds)
      : series_(family), bounds_(std::move(bounds)) {}
  void observe(const MetricLabels& labels, double value) override { series_.of(labels, bounds_).Observe(value); }

 private:
  Series<prometheus::Histogram> series_;
  std::vector<double> bounds_;
};

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * double(sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

class MetricsRegistry::Impl {
 public:
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  prometheus::Family<prometheus::Gauge>& process = prometheus::BuildGauge()
                                                       .Name("process_resident_memory_bytes")
                                                       .Help("Resident memory size in bytes.")
                                                       .Register(registry);
  prometheus::Family<prometheus::Gauge>& cpu = prometheus::BuildGauge()
                                                   .Name("process_cpu_seconds_total")
                                                   .Help("Total user and system CPU time spent in seconds.")
                                                   .Register(registry);
  std::vector<std::unique_ptr<CounterFamily>> counters;
  std::vector<std::unique_ptr<GaugeFamily>> gauges;
  std::vector<std::unique_ptr<HistogramFamily>> histograms;
};

MetricsRegistry::MetricsRegistry() : impl_(std::make_unique<Impl>()) {}
MetricsRegistry::~MetricsRegistry() = default;

CounterFamily& MetricsRegistry::counter(const std::string& name, const std::string& help) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
  return *impl_->counters.emplace_back(std::make_unique<Counters>(family));
}

GaugeFamily& MetricsRegistry::gauge(const std::string& name, const std::string& help) {
  auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
  return *impl_->gauges.emplace_back(std::make_unique<Gauges>(family));
}

HistogramFamily& MetricsRegistry::histogram(const std::string& name, const std::string& help,
                                            std::vector<double> bounds) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
  return *impl_->histograms.emplace_back(std::make_unique<Histograms>(family, std::move(bounds)));
}

std::string MetricsRegistry::to_text() {
  impl_->process.Add({}).Set(resident_bytes());
  impl_->cpu.Add({}).Set(cpu_seconds());
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace ringside
