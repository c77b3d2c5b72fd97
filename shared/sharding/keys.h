// The text that is hashed to find an object's shard (protocol.md, "Hashing").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "kube/meta.h"

namespace ringside::sharding {

// "group/Kind/namespace/name"; an empty group and an empty namespace stay empty: "/Secret/default/foo".
std::string object_key(std::string_view group, std::string_view kind, std::string_view ns, std::string_view name);

// The key of an object of a main resource: its own. kInvalid if kind or name is empty (generateName without a name).
Result<std::string> key_of_main(std::string_view group, std::string_view kind, const kube::ObjectMeta& meta);

// The key of an object of a controlled resource: that of its controller, in the object's own namespace, even where the
// controller is cluster-scoped. nullopt without an owner reference with controller=true: such an object has no shard.
// kInvalid if the reference lacks apiVersion, kind or name, or its apiVersion has more than one slash.
Result<std::optional<std::string>> key_of_controlled(const kube::ObjectMeta& meta);

}  // namespace ringside::sharding
