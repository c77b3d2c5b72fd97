// Watches over what central applies for rings: who changes it is noticed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/log.h"
#include "kube/client.h"
#include "kube/informer.h"
#include "kube/meta.h"

namespace ringside::central {

// Metadata alone, of objects with the ring's label: one webhook configuration and two policies for each ring. A change
// is one of the generation: the API server's own controllers write the status of each policy that is applied.
class RingObjects {
 public:
  // `version` is empty if the object is gone, or has lost its label. Runs in phase 3; must not destroy this.
  using Changed = std::function<void(const std::string& ring, const std::string& name, const std::string& version)>;

  RingObjects(kube::Client& client, Logger log, kube::ResourceType type, Changed changed);

 private:
  void on_upsert(const kube::ObjectMeta& meta);

  Changed changed_;
  std::map<std::string, int64_t> generations_;  // by name
  kube::Informer informer_;
};

}  // namespace ringside::central
