// The main object that a controlled one belongs to, as it is now.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "event/task.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "sidecar/ring_view.h"

namespace ringside::sidecar {

class OwnerLookup {
 public:
  struct Owner {
    kube::GroupResource resource;
    kube::NamespacedName name;
    std::string uid;
  };

  // Both must outlive it.
  OwnerLookup(kube::Client& client, const RingView& ring);

  // By the child's controller reference; of `child`, namespace and owner references are used. nullopt if it has none,
  // or no main resource of the ring has its kind.
  event::Task<Result<std::optional<Owner>>> owner_of(const kube::ObjectMeta& child);

  // Metadata, live, of any object. kNotFound also if no such resource is served.
  event::Task<Result<json::Value>> read(kube::GroupResource resource, kube::NamespacedName name);

 private:
  kube::Client& client_;
  const RingView& ring_;
  kube::Discovery discovery_;
};

}  // namespace ringside::sidecar
