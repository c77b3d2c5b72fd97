// Input: a method, a line feed, a request target. Whatever the target is, a filtered request must be the same request
// with the shard in the one selector that the API server reads.
#include "sidecar/request_filter.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kube/query.h"
#include "tests/fuzz/require.h"

using namespace ringside;
using ringside::fuzz::require;

namespace {

const sidecar::ShardIdentity kSelf{"ring", "op-0"};

const sidecar::RingResources kRing({{{"", "pods"}, true, false, true, false},
                                    {{"", "namespaces"}, true, false, true, true},
                                    {{"apps", "deployments"}, false, true, true, false},
                                    {{"", "secrets"}, false, true, false, false}});

// The requirement is the whole selector or stands behind the comma that ends the client's.
void require_shard(std::string_view selector, std::string_view own) {
  std::string requirement = sidecar::shard_requirement(kSelf);
  require(selector.starts_with(own) && selector.ends_with(requirement) && !selector.contains('\0'));
  std::string_view between = selector.substr(own.size(), selector.size() - own.size() - requirement.size());
  bool blank = own.find_first_not_of(" \t\r\n") == std::string_view::npos;
  require(between == (blank ? "" : ","));
}

void check_filter(std::string_view method, std::string_view before, const std::string& after) {
  auto info = kube::parse_request_info(method, before);
  auto filtered = kube::parse_request_info(method, after);
  auto parameters = kube::parse_query(kube::split_target(after).query);
  const auto* selector = kube::find_parameter(parameters, "labelSelector");
  auto old_parameters = kube::parse_query(kube::split_target(before).query);
  const auto* own = kube::find_parameter(old_parameters, "labelSelector");
  require(selector != nullptr);
  require_shard(selector->value, own ? std::string_view(own->value) : std::string_view());
  filtered.label_selector = info.label_selector;
  require(filtered == info);
  // Doing it again changes nothing about what it is.
  auto again = sidecar::decide_request(filtered, after, kRing, kSelf);
  require(std::holds_alternative<sidecar::Filter>(again) || std::holds_alternative<sidecar::Reject>(again));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t end = text.find('\n');
  std::string_view method = text.substr(0, end);
  std::string_view target = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  auto info = kube::parse_request_info(method, target);
  auto decision = sidecar::decide_request(info, target, kRing, kSelf);
  if (const auto* filter = std::get_if<sidecar::Filter>(&decision)) {
    check_filter(method, target, filter->path_with_query);
  }
  // Nothing that the ring changes or refuses passes while nothing is known.
  auto unknown = sidecar::decide_request(info, target, sidecar::RingResources(), kSelf);
  require(!std::holds_alternative<sidecar::Filter>(unknown) && !std::holds_alternative<sidecar::Mutate>(unknown));
  bool passes = std::holds_alternative<sidecar::Pass>(unknown);
  require(!passes ||
          (!std::holds_alternative<sidecar::Mutate>(decision) && !std::holds_alternative<sidecar::Filter>(decision) &&
           !std::holds_alternative<sidecar::Reject>(decision)));
  return 0;
}
