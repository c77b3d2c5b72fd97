#include "kube/discovery.h"

#include <algorithm>

namespace ringside::kube {

std::vector<std::string> versions_of_group(const json::Value& api_group) {
  std::vector<std::string> versions;
  auto add = [&](std::string_view version) {
    if (!version.empty() && std::ranges::find(versions, version) == versions.end()) versions.emplace_back(version);
  };
  add(api_group.string_at({"preferredVersion", "version"}));
  for (const json::Value& each : api_group.array_at({"versions"})) add(each.string_at({"version"}));
  return versions;
}

std::optional<DiscoveredResource> find_in_resource_list(const json::Value& list, const GroupResource& resource,
                                                        std::string_view version) {
  for (const json::Value& each : list.array_at({"resources"})) {
    if (each.string_at({"name"}) != resource.resource) continue;
    return DiscoveredResource{.type = {resource.group, std::string(version), resource.resource},
                              .kind = std::string(each.string_at({"kind"})),
                              .namespaced = each.bool_at({"namespaced"})};
  }
  return std::nullopt;
}

event::Task<Result<DiscoveredResource>> Discovery::find(GroupResource resource) {
  if (auto known = known_.find(resource); known != known_.end()) co_return known->second;
  std::vector<std::string> versions = {"v1"};
  if (!resource.group.empty()) {
    auto group = co_await get("/apis/" + resource.group);
    if (!group) co_return failure(group.error());
    versions = versions_of_group(*group);
  }
  for (const std::string& version : versions) {
    std::string root = resource.group.empty() ? "/api/" : "/apis/" + resource.group + "/";
    auto list = co_await get(root + version);
    if (!list) co_return failure(list.error());
    if (auto found = find_in_resource_list(*list, resource, version)) {
      known_.insert_or_assign(resource, *found);
      co_return *found;
    }
  }
  co_return failure(ErrorKind::kNotFound, "resource " + to_string(resource) +
                                              ": the API server does not have it; install its CRD, or correct the "
                                              "ControllerRing");
}

event::Task<Result<json::Value>> Discovery::get(std::string path) {
  auto body = co_await client_.get_raw(path);
  if (!body) co_return failure(body.error().with_context("discovery"));
  auto value = json::parse(*body);
  if (!value) co_return failure(value.error().with_context("discovery: " + path));
  co_return std::move(*value);
}

}  // namespace ringside::kube
