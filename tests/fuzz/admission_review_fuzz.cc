// Input: the body of a webhook's request. Whether the whole object is kept must not change what is read of it.
#include "kube/admission_review.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/require.h"

using namespace ringside::kube;
using ringside::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  auto request = parse_admission_review(body);
  auto whole = parse_admission_review(body, WholeObject::kKeep);
  require(!whole || request);  // only the depth limit differs, and it is stricter for what is kept
  if (!request) return 0;
  require(!request->uid.empty() && request->object.is_null());
  if (whole) require(whole->uid == request->uid && whole->object_meta == request->object_meta);
  std::string answer = to_body(allow(), request->uid);
  auto parsed = ringside::json::parse(answer);
  require(parsed && parsed->string_at({"response", "uid"}) == request->uid);
  return 0;
}
