// What must be read of a request's body: name and owners of an object that is about to be created.
#pragma once

#include <string_view>

#include "base/error.h"
#include "kube/meta.h"

namespace ringside::sidecar {

// Name, generateName and owner references of an object in JSON or protobuf (by Content-Type); other metadata may be
// missing. kInvalid if the body cannot be read: an unknown encoding (YAML, CBOR) or malformed bytes.
Result<kube::ObjectMeta> object_meta_of_body(std::string_view body, std::string_view content_type);

}  // namespace ringside::sidecar
