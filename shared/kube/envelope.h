// The envelope of a protobuf object: the magic "k8s\0" and a runtime.Unknown around the object's own bytes.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "kube/meta.h"

namespace ringside::kube {

struct Envelope {
  std::string api_version;  // "coordination.k8s.io/v1"
  std::string kind;         // "Lease"
  std::string raw;          // the object's message
};

// kInvalid if the magic is missing, the message is malformed or the object is compressed (contentEncoding), which the
// API server does not do.
Result<Envelope> open_envelope(std::string_view body);

std::string to_body(const Envelope& envelope);

// Of the metadata of the object, whatever its kind: name, generateName, namespace and ownerReferences; the rest stays
// empty. kInvalid if its bytes are malformed.
Result<ObjectMeta> object_meta(const Envelope& envelope);

}  // namespace ringside::kube
