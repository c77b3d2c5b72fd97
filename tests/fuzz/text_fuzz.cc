// Input: any text, which every small parser of text gets: times, URLs, encodings, headers, metrics. What one of them
// takes can be written and read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/go_duration.h"
#include "base/prometheus_text.h"
#include "base/rfc3339.h"
#include "base/strings.h"
#include "http/date.h"
#include "http/url.h"
#include "kube/encoding.h"
#include "kube/query.h"
#include "tests/fuzz/require.h"

using namespace ringside;
using fuzz::require;

namespace {

void check_times(std::string_view text) {
  if (auto time = parse_rfc3339(text)) {
    require(parse_rfc3339(to_rfc3339_micro(*time)) == *time);
    require(parse_rfc3339(to_rfc3339(*time)) == std::chrono::floor<std::chrono::seconds>(*time));
  }
  if (auto date = http::parse_date(text)) require(parse_rfc3339(to_rfc3339(*date)) == *date);
}

void check_durations(std::string_view text) {
  constexpr Duration kMax = std::chrono::minutes(5);
  auto duration = parse_go_duration(text);
  auto bounded = parse_go_duration(text, Duration::zero(), kMax);
  bool within = duration && *duration >= Duration::zero() && *duration <= kMax;
  require(bounded.has_value() == within && (!bounded || *bounded == *duration));
  if (duration) require(parse_go_duration(std::to_string(duration->count()) + "ns") == *duration);
}

void check_url(std::string_view text) {
  auto url = http::parse_url(text);
  if (!url) return;
  require(!url->host.empty() && url->port != 0 && url->path.starts_with('/'));
  auto again = http::parse_url((url->tls ? "https://" : "http://") + url->authority() + url->path);
  require(again && again->tls == url->tls && again->host == url->host && again->port == url->port);
  require(again->path == url->path && again->is_loopback() == url->is_loopback());
}

void check_encodings(std::string_view text) {
  require(parse_base64(to_base64(text)) == text);
  if (auto bytes = parse_base64(text)) require(parse_base64(to_base64(*bytes)) == *bytes);
  require(percent_decode(percent_encode(text)) == text);
  if (auto number = parse_int(text)) require(*number >= 0 && parse_int(std::to_string(*number)) == *number);
}

void check_headers(std::string_view text) {
  if (auto encoding = kube::encoding_of_content_type(text)) {
    require(kube::encoding_of_content_type(kube::content_type(*encoding)) == *encoding);
  }
  std::string_view chosen = kube::content_type(kube::choose_encoding(text));
  require(kube::content_type(kube::choose_encoding(chosen)) == chosen);
}

void check_query(std::string_view text) {
  size_t last = 0;
  for (const kube::QueryParameter& parameter : kube::parse_query(text)) {
    require(parameter.end <= text.size() && parameter.end > last);
    last = parameter.end;
  }
  if (auto value = kube::required_field_value(text, "metadata.name")) require(value->size() <= text.size());
}

void check_metrics(std::string_view text) {
  auto every = [](std::string_view) { return true; };
  static_cast<void>(for_each_sample(text, every, [&](const PrometheusSample& sample) {
    require(!sample.name.empty() && text.contains(sample.name));
    for (const auto& [name, value] : sample.labels) require(!name.empty() && value.size() <= text.size());
  }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_times(text);
  check_durations(text);
  check_url(text);
  check_encodings(text);
  check_headers(text);
  check_query(text);
  check_metrics(text);
  return 0;
}
