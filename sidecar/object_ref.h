// Which object: a resource without its version, so that all versions of an API mean the same object.
#pragma once

#include <compare>
#include <string>

#include "kube/meta.h"

namespace ringside::sidecar {

struct ObjectRef {
  kube::GroupResource resource;
  std::string ns;  // empty for cluster-scoped objects
  std::string name;

  auto operator<=>(const ObjectRef&) const = default;
};

}  // namespace ringside::sidecar
