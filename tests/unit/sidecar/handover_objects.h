// The resources of the ring that tests of the handover are about.
#pragma once

#include "kube/meta.h"

namespace ringside::sidecar {

inline const kube::GroupResource kMain = {.group = "apps", .resource = "deployments"};
inline const kube::GroupResource kControlled = {.group = "", .resource = "secrets"};

}  // namespace ringside::sidecar
