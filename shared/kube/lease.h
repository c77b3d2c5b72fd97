// coordination.k8s.io/v1 Lease, in JSON and in protobuf.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "kube/encoding.h"
#include "kube/meta.h"

namespace ringside::kube {

struct Lease {
  ObjectMeta metadata;

  // The spec. Absent and empty differ: a released Lease of client-go has an empty holder.
  std::optional<std::string> holder_identity;
  std::optional<int32_t> lease_duration_seconds;
  std::optional<WallTime> acquire_time;
  std::optional<WallTime> renew_time;
  std::optional<int32_t> lease_transitions;
  std::optional<std::string> strategy;          // of coordinated leader election
  std::optional<std::string> preferred_holder;  // of coordinated leader election

  // What this was parsed from: fields that have no member here (managedFields, those of newer API versions) are taken
  // from it when the Lease is written in the same encoding. Empty for a Lease that was made here.
  json::Value json_origin = {};
  std::string protobuf_origin = {};
};

// The body of a request or answer, any API version. kInvalid if it is malformed, is another kind, or if a field of the
// spec has a wrong type. kind and apiVersion may be missing, as the API server allows it.
Result<Lease> parse_lease(std::string_view body, Encoding encoding);
Result<Lease> lease_from_json(const json::Value& value);

// The whole object as coordination.k8s.io/v1; in protobuf with the envelope. The same Lease gives the same bytes.
json::Value to_json(const Lease& lease);
std::string to_body(const Lease& lease, Encoding encoding);

}  // namespace ringside::kube
