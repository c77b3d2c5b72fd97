// Input: the body of a create; protobuf if it starts with the magic, else JSON. Nothing is read that is not there.
#include "sidecar/object_body.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/rfc3339.h"
#include "kube/encoding.h"
#include "kube/envelope.h"
#include "sharding/keys.h"
#include "tests/fuzz/require.h"

using namespace ringside;
using fuzz::require;

namespace {

void check_envelope(std::string_view body) {
  auto envelope = kube::open_envelope(body);
  if (!envelope) return;
  auto again = kube::open_envelope(to_body(*envelope));
  require(again && again->api_version == envelope->api_version && again->kind == envelope->kind);
  require(again->raw == envelope->raw);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  check_envelope(body);
  auto meta = sidecar::object_meta_of_body(body, kube::content_type(kube::encoding_of_body(body)));
  if (!meta) {
    require(meta.error().kind == ErrorKind::kInvalid);
    return 0;
  }
  const kube::OwnerReference* controller = kube::controller_of(*meta);
  require(!controller || controller->controller);
  auto key = sharding::key_of_controlled(*meta);
  require(!key || key->has_value() == (controller != nullptr));
  require(!meta->creation_timestamp || parse_rfc3339(to_rfc3339_micro(*meta->creation_timestamp)).has_value());
  return 0;
}
