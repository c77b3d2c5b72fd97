// The webhook that puts the sidecar into pods that ask for it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "http/message.h"
#include "injector/pod_patch.h"
#include "kube/admission_review.h"

namespace ringside::injector {

inline constexpr std::string_view kPodWebhookPath = "/webhooks/injector/pod";

// The names of the ControllerRings that there are, sorted; nullopt while they are not known yet.
using RingNames = std::function<std::optional<std::vector<std::string>>()>;

// Pure: what is answered to the creation of that pod. A pod without the annotation is allowed as it is. A pod that
// names no ring of `rings`, or that cannot carry a sidecar, is denied; the message is for whoever created it.
kube::AdmissionResponse decide(const kube::AdmissionRequest& review, const std::vector<std::string>& rings,
                               const InjectionOptions& options);

class PodWebhook {
 public:
  // The registry must outlive it.
  PodWebhook(Logger log, MetricsRegistry& registry, InjectionOptions options, RingNames ring_names);

  // Waits for nothing. 503 as long as the rings are not known: with failurePolicy Fail the pod is created later.
  http::Response answer(const http::Request& request);

 private:
  Logger log_;
  CounterFamily& reviews_;
  InjectionOptions options_;
  RingNames ring_names_;
};

}  // namespace ringside::injector
