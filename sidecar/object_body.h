// What must be read of a request's body: the owners of an object that is about to be created.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kube/meta.h"

namespace ringside::sidecar {

// The owner references of an object in JSON or protobuf (by Content-Type). kInvalid if the body cannot be read: an
// unknown encoding (YAML, CBOR) or malformed bytes.
Result<std::vector<kube::OwnerReference>> owner_references_of_body(std::string_view body,
                                                                   std::string_view content_type);

}  // namespace ringside::sidecar
