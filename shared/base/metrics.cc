#include "base/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <utility>

namespace ringside {
namespace {

// --- The text format, https://prometheus.io/docs/instrumenting/exposition_formats/.

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  // Without an exponent where it is short, so that it can be read.
  bool plain = value == 0 || (std::abs(value) >= 1e-6 && std::abs(value) < 1e15);
  char text[32];
  auto end = std::to_chars(text, std::end(text), value, plain ? std::chars_format::fixed : std::chars_format::general);
  return {text, end.ptr};
}

// In the text of a HELP line a quotation mark stands for itself.
std::string escaped(std::string_view text, bool quoted) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || (c == '"' && quoted)) out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string head(const std::string& name, const std::string& help, const std::string& type) {
  return "# HELP " + name + ' ' + escaped(help, false) + "\n# TYPE " + name + ' ' + type + '\n';
}

// `bound`, if it is not empty, is the upper bound of a bucket. It comes last, as every client library writes it.
std::string sample(const std::string& name, const MetricLabels& labels, double value, std::string_view bound = {}) {
  std::string out = name;
  char before = '{';
  auto add = [&](std::string_view label, std::string_view text) {
    out.append(1, std::exchange(before, ',')).append(label) += "=\"" + escaped(text, true) + '"';
  };
  for (const auto& [label, text] : labels) add(label, text);
  if (!bound.empty()) add("le", bound);
  if (before != '{') out += '}';
  return out + ' ' + number(value) + '\n';
}

// --- Families.

class Counters : public CounterFamily {
 public:
  explicit Counters(std::string help) : help_(std::move(help)) {}
  void add(const MetricLabels& labels, double amount) override { values_[labels] += amount; }
  std::string to_text(const std::string& name) const {
    std::string text = head(name, help_, "counter");
    for (const auto& [labels, value] : values_) text += sample(name, labels, value);
    return text;
  }

 private:
  std::string help_;
  std::map<MetricLabels, double> values_;
};

class Gauges : public GaugeFamily {
 public:
  explicit Gauges(std::string help) : help_(std::move(help)) {}
  void set(const MetricLabels& labels, double value) override { values_[labels] = value; }
  void remove(const MetricLabels& labels) override { values_.erase(labels); }
  std::string to_text(const std::string& name) const {
    std::string text = head(name, help_, "gauge");
    for (const auto& [labels, value] : values_) text += sample(name, labels, value);
    return text;
  }

 private:
  std::string help_;
  std::map<MetricLabels, double> values_;
};

class Histograms : public HistogramFamily {
 public:
  Histograms(std::string help, std::vector<double> bounds) : help_(std::move(help)), bounds_(std::move(bounds)) {
    bounds_.push_back(INFINITY);
  }
  void observe(const MetricLabels& labels, double value) override {
    Observed& observed = values_[labels];
    observed.counts.resize(bounds_.size());
    observed.sum += value;
    // One that is no number is in the last bucket.
    auto bound = std::isnan(value) ? bounds_.end() - 1 : std::ranges::lower_bound(bounds_, value);
    ++observed.counts[size_t(bound - bounds_.begin())];
  }
  std::string to_text(const std::string& name) const {
    std::string text = head(name, help_, "histogram");
    for (const auto& [labels, observed] : values_) {
      uint64_t count = 0;
      for (size_t i = 0; i < bounds_.size(); ++i) {
        count += observed.counts[i];
        text += sample(name + "_bucket", labels, double(count), number(bounds_[i]));
      }
      text += sample(name + "_sum", labels, observed.sum) + sample(name + "_count", labels, double(count));
    }
    return text;
  }

 private:
  struct Observed {
    std::vector<uint64_t> counts;  // of each bucket by itself
    double sum = 0;
  };
  std::string help_;
  std::vector<double> bounds_;
  std::map<MetricLabels, Observed> values_;
};

// --- The process.

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

// By name; nodes of a map stay where they are.
class MetricsRegistry::Impl {
 public:
  std::map<std::string, Counters> counters;
  std::map<std::string, Gauges> gauges;
  std::map<std::string, Histograms> histograms;
};

MetricsRegistry::MetricsRegistry() : impl_(std::make_unique<Impl>()) {}
MetricsRegistry::~MetricsRegistry() = default;

CounterFamily& MetricsRegistry::counter(const std::string& name, const std::string& help) {
  return impl_->counters.try_emplace(name, help).first->second;
}

GaugeFamily& MetricsRegistry::gauge(const std::string& name, const std::string& help) {
  return impl_->gauges.try_emplace(name, help).first->second;
}

HistogramFamily& MetricsRegistry::histogram(const std::string& name, const std::string& help,
                                            std::vector<double> bounds) {
  return impl_->histograms.try_emplace(name, help, std::move(bounds)).first->second;
}

std::string MetricsRegistry::to_text() {
  gauge("process_resident_memory_bytes", "Resident memory size in bytes.").set({}, resident_bytes());
  gauge("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.").set({}, cpu_seconds());
  std::string text;
  for (const auto& [name, family] : impl_->counters) text += family.to_text(name);
  for (const auto& [name, family] : impl_->gauges) text += family.to_text(name);
  for (const auto& [name, family] : impl_->histograms) text += family.to_text(name);
  return text;
}

}  // namespace ringside
