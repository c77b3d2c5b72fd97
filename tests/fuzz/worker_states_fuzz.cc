// Any text as a controller's metrics: states with sensible values, or an error; a moment proven is never in the future.
#include <cstdint>
#include <cstdlib>

#include "sidecar/workqueue_metrics.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringside::sidecar;
  auto states = parse_worker_states({reinterpret_cast<const char*>(data), size});
  if (!states) return 0;
  for (const auto& [name, state] : *states) {
    if (state.active && !(*state.active >= 0)) abort();
    if (state.longest_running && !(*state.longest_running >= 0)) abort();
  }
  ringside::TimePoint now(std::chrono::hours(1));
  ProcessingProof proof;
  auto proven = proof.scraped(*states, now, now);
  if (proven && *proven > now) abort();
  return 0;
}
