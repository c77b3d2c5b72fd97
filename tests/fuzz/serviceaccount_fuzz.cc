// Any text as a token: a ServiceAccount that could be written as one, or none.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "kube/serviceaccount.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringside;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto of_token = kube::serviceaccount_of_token(text);
  if (of_token && kube::parse_serviceaccount(to_string(*of_token)) != *of_token) abort();
  auto parsed = kube::parse_serviceaccount(text);
  if (parsed && to_string(*parsed) != text) abort();
  return 0;
}
