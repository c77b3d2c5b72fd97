#include "injector/pod_view.h"

#include <algorithm>
#include <initializer_list>

#include "injector/sidecar_container.h"

namespace ringside::injector {
namespace {

std::unexpected<Error> malformed(std::string_view what) {
  return failure(ErrorKind::kInvalid, "this is no pod: " + std::string(what));
}

// Whether the member is missing, null, or an array of objects.
bool is_object_list(const json::Value& parent, std::string_view member) {
  const json::Value* list = parent.find(member);
  if (list == nullptr || list->is_null()) return true;
  return list->is_array() && std::ranges::all_of(*list->as_array(), &json::Value::is_object);
}

bool is_optional_object(const json::Value& parent, std::string_view member) {
  const json::Value* value = parent.find(member);
  return value == nullptr || value->is_null() || value->is_object();
}

Result<void> check_lists(const json::Value& parent, std::initializer_list<std::string_view> members) {
  for (std::string_view member : members) {
    if (!is_object_list(parent, member)) return malformed(std::string(member) + " is no list of objects");
  }
  return {};
}

}  // namespace

Result<PodView> PodView::parse(const json::Value& pod) {
  const json::Value* metadata = pod.find("metadata");
  const json::Value* spec = pod.find("spec");
  if (metadata == nullptr || !metadata->is_object()) return malformed("metadata is no object");
  if (spec == nullptr || !spec->is_object()) return malformed("spec is no object");
  if (!is_optional_object(*metadata, "labels")) return malformed("metadata.labels is no object");
  Result<void> lists = check_lists(*spec, {"containers", "initContainers", "volumes", "hostAliases"});
  if (!lists) return failure(lists.error());

  PodView view(pod);
  Result<void> found = view.find_sidecar();
  if (!found) return failure(found.error());
  Result<void> added = view.add_containers("initContainers", 1);
  if (added) added = view.add_containers("containers", 0);
  if (!added) return failure(added.error());
  return view;
}

Result<void> PodView::find_sidecar() {
  const json::Array& init_containers = pod_->array_at({"spec", "initContainers"});
  for (size_t i = 0; i < init_containers.size(); ++i) {
    if (init_containers[i].string_at({"name"}) != kSidecarName) continue;
    if (sidecar_ != nullptr || init_containers[i].string_at({"restartPolicy"}) != "Always") {
      return failure(ErrorKind::kInvalid,
                     name() + ": an init container of its own is called ringside-sidecar: rename it");
    }
    sidecar_ = &init_containers[i];
    sidecar_index_ = i;
  }
  if (find_named(pod_->array_at({"spec", "containers"}), kSidecarName) != nullptr) {
    return failure(ErrorKind::kInvalid, name() + ": a container of its own is called ringside-sidecar: rename it");
  }
  return {};
}

Result<void> PodView::add_containers(std::string_view field, size_t first_index) {
  size_t index = first_index;
  for (const json::Value& container : pod_->array_at({"spec", field})) {
    if (&container == sidecar_) continue;
    Result<void> lists = check_lists(container, {"env", "volumeMounts", "ports"});
    if (!lists) return lists;
    containers_.push_back(
        {"/spec/" + std::string(field) + "/" + std::to_string(index++), container.string_at({"name"}), &container});
  }
  return {};
}

std::string PodView::name() const {
  std::string_view ns = pod_->string_at({"metadata", "namespace"});
  std::string_view name = pod_->string_at({"metadata", "name"});
  std::string result = "pod ";
  if (!ns.empty()) result += std::string(ns) + "/";
  if (!name.empty()) return result + std::string(name);
  return result + std::string(pod_->string_at({"metadata", "generateName"})) + "*";
}

bool PodView::has_volume(std::string_view name) const {
  return find_named(pod_->array_at({"spec", "volumes"}), name) != nullptr;
}

const json::Value* find_named(const json::Array& items, std::string_view name) {
  auto found = std::ranges::find_if(items, [&](const json::Value& item) { return item.string_at({"name"}) == name; });
  return found == items.end() ? nullptr : &*found;
}

}  // namespace ringside::injector
