#include "injector/pod_webhook.h"

#include <algorithm>

#include "http/service.h"
#include "sharding/names.h"

namespace ringside::injector {
namespace {

constexpr int kForbidden = 403;

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string unknown_ring(std::string_view ring, const std::vector<std::string>& rings) {
  std::string text = "annotation " + std::string(sharding::kSidecarRingAnnotation) + ": there is no ControllerRing \"" +
                     std::string(ring) + "\"";
  text += rings.empty() ? ", nor any other" : "; there are: " + join(rings);
  return text + ". Create the ControllerRing, or correct or remove the annotation on the pod template";
}

bool asks_for_sidecar(const kube::AdmissionRequest& review) {
  return review.operation == kube::Operation::kCreate && review.resource.group.empty() &&
         review.resource.resource == "pods" && review.sub_resource.empty() && review.object_meta &&
         review.object_meta->annotations.contains(sharding::kSidecarRingAnnotation);
}

http::Response error(int status, std::string message) {
  return http::text_response(status, std::move(message) + "\n");
}

std::string_view outcome_of(const kube::AdmissionResponse& response) {
  if (!response.allowed) return "denied";
  return response.patch.empty() ? "unchanged" : "injected";
}

}  // namespace

kube::AdmissionResponse decide(const kube::AdmissionRequest& review, const std::vector<std::string>& rings,
                               const InjectionOptions& options) {
  if (!asks_for_sidecar(review)) return kube::allow();
  std::string_view ring = review.object_meta->annotation(sharding::kSidecarRingAnnotation);
  if (!ring.empty() && std::ranges::find(rings, ring) == rings.end()) {
    return kube::deny(kForbidden, unknown_ring(ring, rings));
  }
  auto made = make_pod_patch(review.object, options);
  if (!made) return kube::deny(kForbidden, made.error().message);
  kube::AdmissionResponse response = kube::allow();
  response.warnings = std::move(made->warnings);
  response.patch = std::move(made->text);
  return response;
}

PodWebhook::PodWebhook(Logger log, MetricsRegistry& registry, InjectionOptions options, RingNames ring_names)
    : log_(std::move(log)),
      reviews_(registry.counter("ringside_injector_pods_total", "Pods that were looked at, by what was answered.")),
      options_(std::move(options)),
      ring_names_(std::move(ring_names)) {}

http::Response PodWebhook::answer(const http::Request& request) {
  if (request.head.method != "POST") return error(405, "send an AdmissionReview by POST");
  auto rings = ring_names_();
  if (!rings) return error(503, "not ready: the rings are still being read");
  auto review = kube::parse_admission_review(request.body, kube::WholeObject::kKeep);
  if (!review) return error(400, review.error().message);

  kube::AdmissionResponse response = decide(*review, *rings, options_);
  if (!review->dry_run) reviews_.add({{"outcome", std::string(outcome_of(response))}});
  std::string pod = review->ns + "/" + review->name;
  if (review->name.empty() && review->object_meta) pod += review->object_meta->generate_name + "*";
  if (!response.allowed) {
    log_.warn("pod denied", {{"pod", pod}, {"reason", response.status ? response.status->message : ""}});
  } else if (!response.patch.empty()) {
    log_.info("sidecar injected", {{"pod", pod}});
  }
  return http::text_response(200, kube::to_body(response, review->uid), "application/json");
}

}  // namespace ringside::injector
