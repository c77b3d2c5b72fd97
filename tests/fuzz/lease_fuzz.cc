// Input: the body of a Lease; protobuf if it starts with the magic, else JSON. What is read can be written and read
// again, in both encodings, and stays the same.
#include "kube/lease.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/require.h"

using namespace ringside::kube;
using ringside::fuzz::require;

namespace {

void require_same(const Lease& a, const Lease& b) {
  require(a.holder_identity == b.holder_identity && a.lease_duration_seconds == b.lease_duration_seconds);
  require(a.acquire_time == b.acquire_time && a.renew_time == b.renew_time);
  require(a.lease_transitions == b.lease_transitions && a.strategy == b.strategy);
  require(a.preferred_holder == b.preferred_holder && a.metadata.name == b.metadata.name);
  require(a.metadata.labels == b.metadata.labels && a.metadata.resource_version == b.metadata.resource_version);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  auto lease = parse_lease(body, encoding_of_body(body));
  if (!lease) return 0;
  for (auto encoding : {Encoding::kJson, Encoding::kProtobuf}) {
    std::string written = to_body(*lease, encoding);
    auto again = parse_lease(written, encoding);
    require(again.has_value());
    require_same(*lease, *again);
  }
  return 0;
}
