// Any JSON as a pod: the patch applies, and asking again gives an empty one.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "injector/pod_patch.h"
#include "tests/support/json_patch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringside;
  Result<json::Value> pod = json::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!pod) return 0;
  injector::InjectionOptions options = {.image = "sidecar:1"};
  Result<injector::PodPatch> patch = injector::make_pod_patch(*pod, options);
  if (!patch) return 0;
  Result<json::Value> patched = testing::apply_json_patch(*pod, patch->text);
  if (!patched) abort();
  Result<injector::PodPatch> again = injector::make_pod_patch(*patched, options);
  if (!again || !again->text.empty()) abort();
  return 0;
}
