// Watches over what central applies for rings: who changes it is noticed.
#pragma once

#include <functional>
#include <string>

#include "base/log.h"
#include "kube/client.h"
#include "kube/informer.h"

namespace ringside::central {

// Metadata alone, of objects with the ring's label: one webhook configuration and two policies for each ring.
class RingObjects {
 public:
  // `version` is empty if the object is gone, or has lost its label. Runs in phase 3; must not destroy this.
  using Changed = std::function<void(const std::string& ring, const std::string& name, const std::string& version)>;

  RingObjects(kube::Client& client, Logger log, kube::ResourceType type, Changed changed);

 private:
  kube::Informer informer_;
};

}  // namespace ringside::central
