// A pod as the injector looks at it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace ringside::injector {

// Views into a pod, which must outlive it. The JSON arrays and objects that the injector changes have been checked for
// their types, so that foreign bytes cannot end in a patch that does not apply.
class PodView {
 public:
  // A container or an init container other than the sidecar.
  struct Container {
    std::string path;  // JSON pointer in the pod with the sidecar as its first init container
    std::string_view name;
    const json::Value* value;
  };

  // kInvalid if this is no pod, or if a container other than a native sidecar has the sidecar's name.
  static Result<PodView> parse(const json::Value& pod);

  const json::Value& pod() const { return *pod_; }
  // "pod default/op-7d9f" for messages; the prefix with '*' if the API server has yet to choose the name.
  std::string name() const;

  // Init containers first, in the pod's order.
  const std::vector<Container>& containers() const { return containers_; }

  // The sidecar, if an earlier review (or whoever copied an injected pod) put it there, and where it stands among the
  // init containers; nullptr otherwise.
  const json::Value* sidecar() const { return sidecar_; }
  size_t sidecar_index() const { return sidecar_index_; }

  bool has_volume(std::string_view name) const;

 private:
  explicit PodView(const json::Value& pod) : pod_(&pod) {}

  Result<void> find_sidecar();
  Result<void> add_containers(std::string_view field, size_t first_index);

  const json::Value* pod_;
  const json::Value* sidecar_ = nullptr;
  size_t sidecar_index_ = 0;
  std::vector<Container> containers_;
};

// The item of that name in an array of objects ("name" members), or nullptr.
const json::Value* find_named(const json::Array& items, std::string_view name);

}  // namespace ringside::injector
