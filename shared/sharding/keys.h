// The text that is hashed to find an object's shard (protocol.md, "Hashing").
#pragma once

#include <compare>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "kube/meta.h"

namespace ringside::sharding {

// "group/Kind/namespace/name"; an empty group and an empty namespace stay empty: "/Secret/default/foo".
std::string object_key(std::string_view group, std::string_view kind, std::string_view ns, std::string_view name);

// The key of an object of a main resource: its own. kInvalid if kind or name is empty (generateName without a name).
Result<std::string> key_of_main(std::string_view group, std::string_view kind, const kube::ObjectMeta& meta);

// The kinds of a ring's main resources that are known to be cluster-scoped.
struct GroupKind {
  std::string group;
  std::string kind;

  auto operator<=>(const GroupKind&) const = default;
};
using ClusterScopedKinds = std::set<GroupKind>;

// The key of an object of a controlled resource: that of its controller, in the object's own namespace. A controller of
// one of the cluster-scoped kinds has its own key, without a namespace, so that an object in a namespace goes where its
// controller is; the reference, which knows no scopes, hashes such an object apart from it. For all others the keys are
// those of the reference. nullopt without an owner reference with controller=true: such an object has no shard.
// kInvalid if the reference lacks apiVersion, kind or name, or its apiVersion has more than one slash.
Result<std::optional<std::string>> key_of_controlled(const kube::ObjectMeta& meta,
                                                     const ClusterScopedKinds& cluster_scoped = {});

}  // namespace ringside::sharding
