// The encodings of the API in which we read and write bodies of our own. Everything else (CBOR, Table,
// PartialObjectMetadata, gzip) only passes through.
#pragma once

#include <string_view>

#include "base/error.h"

namespace ringside::kube {

// YAML is written as JSON, which every reader of YAML takes; it is never read.
enum class Encoding { kJson, kProtobuf, kYaml };

// In front of every protobuf object of Kubernetes; a runtime.Unknown follows.
inline constexpr std::string_view kProtobufMagic{"k8s\0", 4};

// "application/json", "application/vnd.kubernetes.protobuf", "application/yaml".
std::string_view content_type(Encoding encoding);

// The encoding of a body of that Content-Type; parameters are ignored, no Content-Type at all means JSON as it does for
// the API server. kInvalid for other media types, patches (application/merge-patch+json) included.
Result<Encoding> encoding_of_content_type(std::string_view content_type);

// The encoding of a body, told from its first bytes.
Encoding encoding_of_body(std::string_view body);

// The encoding for an answer to a request with that Accept header: of those we write the one with the highest q-value,
// then the more specific range, then the one named first. Parameters other than q ("as=Table") are ignored. JSON if
// there is no header or if it accepts none of them (as in "application/cbor"): an answer in a wrong encoding is better
// than none.
Encoding choose_encoding(std::string_view accept);

}  // namespace ringside::kube
