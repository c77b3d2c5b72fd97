#include "kube/envelope.h"

#include <google/protobuf/stubs/logging.h>

#include <limits>

#include "kube/encoding.h"
#include "kube/kube.pb.h"

namespace ringside::kube {

Result<Envelope> open_envelope(std::string_view body) {
  if (!body.starts_with(kProtobufMagic)) {
    return failure(ErrorKind::kInvalid, "not a Kubernetes protobuf object: the magic k8s\\0 is missing");
  }
  body.remove_prefix(kProtobufMagic.size());
  google::protobuf::LogSilencer silencer;  // foreign bytes do not write to our log
  pb::Unknown unknown;
  if (body.size() > size_t(std::numeric_limits<int>::max()) || !unknown.ParseFromArray(body.data(), int(body.size()))) {
    return failure(ErrorKind::kInvalid, "malformed protobuf envelope (runtime.Unknown)");
  }
  if (!unknown.content_encoding().empty()) {
    return failure(ErrorKind::kInvalid, "protobuf object with contentEncoding '" + unknown.content_encoding() + "'");
  }
  return Envelope{std::move(*unknown.mutable_type_meta()->mutable_api_version()),
                  std::move(*unknown.mutable_type_meta()->mutable_kind()), std::move(*unknown.mutable_raw())};
}

std::string to_body(const Envelope& envelope) {
  pb::Unknown unknown;
  unknown.mutable_type_meta()->set_api_version(envelope.api_version);
  unknown.mutable_type_meta()->set_kind(envelope.kind);
  unknown.set_raw(envelope.raw);
  // The API server writes both even if they are empty.
  unknown.set_content_encoding("");
  unknown.set_content_type("");
  return std::string(kProtobufMagic) + unknown.SerializeAsString();
}

Result<ObjectMeta> object_meta(const Envelope& envelope) {
  google::protobuf::LogSilencer silencer;
  pb::AnyObject object;
  if (!object.ParseFromString(envelope.raw)) {
    return failure(ErrorKind::kInvalid, "malformed protobuf object of kind '" + envelope.kind + "'");
  }
  ObjectMeta meta;
  meta.name = object.metadata().name();
  meta.generate_name = object.metadata().generate_name();
  meta.ns = object.metadata().namespace_();
  for (const auto& owner : object.metadata().owner_references()) {
    meta.owner_references.push_back({owner.api_version(), owner.kind(), owner.name(), owner.uid(), owner.controller(),
                                     owner.block_owner_deletion()});
  }
  return meta;
}

}  // namespace ringside::kube
