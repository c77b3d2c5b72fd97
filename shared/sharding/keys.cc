#include "sharding/keys.h"

#include <algorithm>

namespace ringside::sharding {

std::string object_key(std::string_view group, std::string_view kind, std::string_view ns, std::string_view name) {
  std::string key;
  key.reserve(group.size() + kind.size() + ns.size() + name.size() + 3);
  return key.append(group).append("/").append(kind).append("/").append(ns).append("/").append(name);
}

Result<std::string> key_of_main(std::string_view group, std::string_view kind, const kube::ObjectMeta& meta) {
  if (kind.empty()) return failure(ErrorKind::kInvalid, "kind is empty");
  if (meta.name.empty()) return failure(ErrorKind::kInvalid, "metadata.name is empty");
  return object_key(group, kind, meta.ns, meta.name);
}

Result<std::optional<std::string>> key_of_controlled(const kube::ObjectMeta& meta,
                                                     const ClusterScopedKinds& cluster_scoped) {
  const kube::OwnerReference* owner = kube::controller_of(meta);
  if (!owner) return std::nullopt;
  if (owner->api_version.empty())
    return failure(ErrorKind::kInvalid, "apiVersion of the controller reference is empty");
  if (owner->kind.empty()) return failure(ErrorKind::kInvalid, "kind of the controller reference is empty");
  if (owner->name.empty()) return failure(ErrorKind::kInvalid, "name of the controller reference is empty");
  if (std::ranges::count(owner->api_version, '/') > 1) {
    return failure(ErrorKind::kInvalid,
                   "apiVersion of the controller reference is no group/version: '" + owner->api_version + "'");
  }
  GroupKind kind{kube::group_of(owner->api_version), owner->kind};
  return object_key(kind.group, kind.kind, cluster_scoped.contains(kind) ? std::string() : meta.ns, owner->name);
}

}  // namespace ringside::sharding
