// What the injector changes in the containers that are not its own.
#pragma once

#include <string>
#include <vector>

#include "injector/json_patch.h"
#include "injector/pod_view.h"

namespace ringside::injector {

// Where the containers' own settings of KUBERNETES_SERVICE_HOST and _PORT say that the API server is: the variables for
// the sidecar, which has to go there in their place; none if the kubelet's stand. Names that lead to the sidecar inside
// the pod (kubernetes.default.svc and its like) count as the kubelet's. kInvalid if containers differ, or if a value
// refers to other variables, which the sidecar has not.
Result<json::Array> find_service_env(const PodView& pod);

// Points the container's Kubernetes client to the sidecar: the KUBERNETES_SERVICE_* variables, put first so that other
// variables may refer to them (the user's own settings of them are replaced, with a warning), and the sidecar's
// directory in place of the ServiceAccount volume `token_volume`. Adds nothing for what is right already.
void change_container(const PodView::Container& container, std::string_view token_volume, JsonPatch& patch,
                      std::vector<std::string>& warnings);

}  // namespace ringside::injector
