// Prints how the sidecar reads requests: for each line "METHOD TARGET" of the standard input one JSON object. The
// arguments are the resources of the ring, "secrets" or "deployments.apps".
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "kube/request_info.h"
#include "sidecar/request_filter.h"

namespace {

using namespace ringside;

struct DecisionName {
  std::string operator()(const sidecar::Pass&) const { return "Pass"; }
  std::string operator()(const sidecar::Filter&) const { return "Filter"; }
  std::string operator()(const sidecar::Mutate&) const { return "Mutate"; }
  std::string operator()(const sidecar::ElectionLease&) const { return "ElectionLease"; }
  std::string operator()(const sidecar::Unavailable&) const { return "Unavailable"; }
  std::string operator()(const sidecar::Reject&) const { return "Reject"; }
};

sidecar::RingResources to_ring(int count, char** names) {
  std::vector<sidecar::RingResource> resources;
  for (int i = 0; i < count; ++i) {
    std::string name = names[i];
    size_t dot = name.find('.');
    std::string group = dot == std::string::npos ? "" : name.substr(dot + 1);
    resources.push_back({.resource = {group, name.substr(0, dot)}, .is_main = true});
  }
  return sidecar::RingResources(std::move(resources));
}

}  // namespace

int main(int argc, char** argv) {
  sidecar::RingResources ring = to_ring(argc - 1, argv + 1);
  for (std::string line; std::getline(std::cin, line);) {
    size_t space = line.find(' ');
    if (space == std::string::npos) return 2;
    std::string target = line.substr(space + 1);
    kube::RequestInfo info = kube::parse_request_info(line.substr(0, space), target);
    auto decision = sidecar::decide_request(info, target, ring, {"ring", "shard"});
    std::cout << json::to_string(json::Value::object({{"resourceRequest", info.is_resource},
                                                      {"verb", info.verb},
                                                      {"group", info.group},
                                                      {"version", info.version},
                                                      {"namespace", info.ns},
                                                      {"resource", info.resource},
                                                      {"subresource", info.subresource},
                                                      {"name", info.name},
                                                      {"decision", std::visit(DecisionName(), decision)}}))
              << "\n";
  }
}
