// What the injector changes in the containers that are not its own.
#pragma once

#include <string>
#include <vector>

#include "injector/json_patch.h"
#include "injector/pod_view.h"

namespace ringside::injector {

// Points the container's Kubernetes client to the sidecar: the KUBERNETES_SERVICE_* variables, put first so that other
// variables may refer to them (the user's own settings of them are replaced, with a warning), and the sidecar's
// directory in place of the ServiceAccount volume `token_volume`. Adds nothing for what is right already.
void change_container(const PodView::Container& container, std::string_view token_volume, JsonPatch& patch,
                      std::vector<std::string>& warnings);

}  // namespace ringside::injector
