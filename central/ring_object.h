// What all objects have in common that central applies for a ring.
#pragma once

#include <string>

#include "base/json.h"
#include "sharding/controller_ring.h"

namespace ringside::central {

// metadata with that name and the protocol's labels, owned by the ring.
json::Value make_ring_object_metadata(const sharding::ControllerRing& ring, std::string name);

}  // namespace ringside::central
