// Input: the body of an error answer.
#include "kube/status.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace ringside::kube;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  if (to_error(500, body).message.empty()) std::abort();
  auto status = parse_status(body);
  if (!status) return 0;
  for (auto encoding : {Encoding::kJson, Encoding::kProtobuf}) {
    auto again = parse_status(to_body(*status, encoding));
    if (!again || *again != *status) std::abort();
  }
  return 0;
}
