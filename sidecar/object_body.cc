#include "sidecar/object_body.h"

#include "base/json.h"
#include "kube/encoding.h"
#include "kube/envelope.h"

namespace ringside::sidecar {

Result<kube::ObjectMeta> object_meta_of_body(std::string_view body, std::string_view content_type) {
  auto encoding = kube::encoding_of_content_type(content_type);
  if (!encoding) return failure(encoding.error());
  if (*encoding == kube::Encoding::kProtobuf) {
    auto envelope = kube::open_envelope(body);
    if (!envelope) return failure(envelope.error());
    return kube::object_meta(*envelope);
  }
  auto object = json::parse(body);
  if (!object) return failure(object.error());
  const json::Value* metadata = object->find("metadata");
  return metadata ? kube::parse_object_meta(*metadata) : kube::ObjectMeta();
}

}  // namespace ringside::sidecar
