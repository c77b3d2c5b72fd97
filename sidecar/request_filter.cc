#include "sidecar/request_filter.h"

#include <algorithm>
#include <ranges>

#include "base/strings.h"
#include "kube/query.h"
#include "sharding/names.h"

namespace ringside::sidecar {
namespace {

using kube::RequestInfo;

constexpr std::string_view kLabelSelector = "labelSelector";

bool reads_many(const RequestInfo& info) {
  return info.verb == "list" || info.verb == "watch";
}

bool writes_one(const RequestInfo& info) {
  return info.verb == "create" || info.verb == "update" || info.verb == "patch" || info.verb == "delete";
}

bool is_lease(const RequestInfo& info) {
  return info.group == "coordination.k8s.io" && info.resource == "leases";
}

// A connection into a pod: it changes what runs there, whatever its method is (WebSocket asks by GET, SPDY by POST).
bool connects_to_pod(const RequestInfo& info) {
  std::string_view sub = info.subresource;
  bool is_pod = info.group.empty() && info.resource == "pods";
  return is_pod && (sub == "exec" || sub == "attach" || sub == "portforward");
}

// Requests to what an object serves, and tokens: they go by the name of an object, but do not write it.
bool is_connect(const RequestInfo& info) {
  if (!info.group.empty()) return false;
  std::string_view sub = info.subresource;
  if (info.resource == "pods") return sub == "proxy";
  if (info.resource == "services" || info.resource == "nodes") return sub == "proxy";
  return info.resource == "serviceaccounts" && sub == "token";
}

// Whether a list or watch is of at most one object. One name in all namespaces may be many.
bool names_one_object(const RequestInfo& info, bool cluster_scoped) {
  if (info.name.empty()) return false;
  return cluster_scoped || !info.ns.empty() ||
         kube::required_field_value(info.field_selector, "metadata.namespace").has_value();
}

// Requests that cannot concern any ring: what a controller needs to start and to report.
bool is_harmless(const RequestInfo& info) {
  if (is_lease(info) || is_connect(info)) return true;
  if (info.verb != "create") return false;
  if (info.resource == "events") return info.group.empty() || info.group == "events.k8s.io";
  return info.group == "authentication.k8s.io" || info.group == "authorization.k8s.io";
}

Mutate to_mutate(const RequestInfo& info, const RingResource& resource) {
  std::string ns = resource.cluster_scoped ? std::string() : info.ns;
  return {resource.resource, std::move(ns),         info.name, info.subresource, info.verb,
          resource.is_main,  resource.is_controlled};
}

RequestDecision decide_unknown(const RequestInfo& info) {
  bool one = reads_many(info) && names_one_object(info, false);
  bool sensitive =
      (reads_many(info) && !one) || info.verb == "deletecollection" || writes_one(info) || connects_to_pod(info);
  if (!sensitive || is_harmless(info)) return Pass{};
  return Unavailable{"the ControllerRing is not known yet"};
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Adds the requirement to every labelSelector, or a labelSelector with it. The text that is there is not touched.
RequestDecision add_requirement(std::string_view target, const ShardIdentity& self) {
  std::string_view query = kube::split_target(target).query;
  // One parameter more may be too many for the API server, which would then see none at all.
  if (size_t(std::ranges::count(query, '&')) + 2 > kube::kMaxQueryParameters) {
    return Reject{"too many query parameters"};
  }
  std::string requirement = percent_encode(shard_requirement(self));
  std::string result(target);
  size_t query_begin = target.size() - query.size();
  bool found = false;
  auto parameters = kube::parse_query(query);
  for (const auto& parameter : parameters | std::views::reverse) {
    if (parameter.name != kLabelSelector) continue;
    // The API server's lexer takes a NUL for the end of the selector, so that ours would not count.
    if (parameter.value.contains('\0')) return Reject{"labelSelector with a NUL character"};
    std::string_view separator = !parameter.has_equals ? "=" : is_blank(parameter.value) ? "" : "%2C";
    result.insert(query_begin + parameter.end, std::string(separator) + requirement);
    found = true;
  }
  if (!found) {
    if (!target.contains('?')) result += '?';
    if (!query.empty()) result += '&';
    result += std::string(kLabelSelector) + '=' + requirement;
  }
  return Filter{std::move(result), false};
}

RequestDecision decide_ring_resource(const RequestInfo& info, std::string_view target, const RingResource& resource,
                                     const ShardIdentity& self) {
  if (is_connect(info)) return Pass{};
  if (writes_one(info) || connects_to_pod(info)) return to_mutate(info, resource);
  bool deletes = info.verb == "deletecollection";
  bool reads = reads_many(info) && resource.filtered && !names_one_object(info, resource.cluster_scoped);
  if (!deletes && !reads) return Pass{};
  RequestDecision decision = add_requirement(target, self);
  if (auto* filter = std::get_if<Filter>(&decision)) filter->deletes = deletes;
  return decision;
}

}  // namespace

const RingResource* RingResources::find(std::string_view group, std::string_view resource) const {
  if (!resources_) return nullptr;
  for (const auto& entry : *resources_) {
    if (entry.resource.group == group && entry.resource.resource == resource) return &entry;
  }
  return nullptr;
}

std::string shard_requirement(const ShardIdentity& self) {
  return sharding::shard_label(self.ring) + "=" + self.shard;
}

std::optional<PinnedDeletion> pin_to_version(std::string_view target, bool has_body,
                                             std::string_view resource_version) {
  std::string_view query = kube::split_target(target).query;
  bool too_many = size_t(std::ranges::count(query, '&')) + 3 > kube::kMaxQueryParameters;
  if (resource_version.empty() || too_many) return std::nullopt;
  auto parameters = kube::parse_query(query);
  auto has_any_of = [&](std::initializer_list<std::string_view> names) {
    return std::ranges::any_of(
        names, [&](std::string_view name) { return kube::find_parameter(parameters, name) != nullptr; });
  };
  if (has_any_of({"resourceVersion", "resourceVersionMatch", "continue"})) return std::nullopt;
  // metav1.DeleteOptions of Kubernetes 1.30 to 1.36.
  if (!has_body && has_any_of({"dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy", "uid",
                               "ignoreStoreReadErrorWithClusterBreakingPotential"})) {
    return std::nullopt;
  }
  PinnedDeletion pinned{.target = std::string(target), .body = {}};
  pinned.target += query.empty() ? (target.ends_with('?') ? "" : "?") : "&";
  pinned.target += "resourceVersion=" + percent_encode(resource_version) + "&resourceVersionMatch=Exact";
  if (!has_body) pinned.body = R"({"kind":"DeleteOptions","apiVersion":"v1"})";
  return pinned;
}

RequestDecision decide_request(const RequestInfo& info, std::string_view path_with_query,
                               const RingResources& resources, const ShardIdentity& self) {
  if (!info.is_resource) return Pass{};
  const RingResource* resource = resources.find(info.group, info.resource);
  bool one_lease = is_lease(info) && !info.ns.empty() && info.subresource.empty();
  if (one_lease && (info.verb == "get" || writes_one(info))) {
    ElectionLease lease{info.ns, info.name, info.verb, std::nullopt};
    if (resource && writes_one(info)) lease.otherwise = to_mutate(info, *resource);
    return lease;
  }
  if (!resources.known()) return decide_unknown(info);
  return resource ? decide_ring_resource(info, path_with_query, *resource, self) : RequestDecision(Pass{});
}

}  // namespace ringside::sidecar
