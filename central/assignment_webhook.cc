#include "central/assignment_webhook.h"

#include <variant>

#include "central/assignment.h"
#include "http/service.h"
#include "kube/admission_review.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

std::string_view name_of(kube::Operation operation) {
  switch (operation) {
    case kube::Operation::kCreate: return "CREATE";
    case kube::Operation::kUpdate: return "UPDATE";
    case kube::Operation::kDelete: return "DELETE";
    case kube::Operation::kConnect: return "CONNECT";
  }
  return "";
}

AdmissionInput to_input(kube::AdmissionRequest& review) {
  return {.resource = {review.resource.group, review.resource.resource},
          .kind = review.kind.kind,
          .operation = std::string(name_of(review.operation)),
          .field_manager = review.field_manager,
          .object = std::move(review.object_meta).value_or(kube::ObjectMeta()),
          .old_object = std::move(review.old_object_meta)};
}

http::Response error(int status, std::string message) {
  return http::text_response(status, std::move(message) + "\n");
}

http::Response review_answer(const kube::AdmissionResponse& response, std::string_view uid) {
  return http::text_response(200, kube::to_body(response, uid), "application/json");
}

}  // namespace

http::Response AssignmentWebhook::answer(const http::Request& request) {
  if (request.head.method != "POST") return error(405, "send an AdmissionReview by POST");
  std::string_view path = request.head.path;
  auto ring_name = sharding::ring_of_webhook_path(path.substr(0, path.find('?')));
  if (!ring_name) return error(404, "the path does not end in the name of a ring");
  if (!store_.synced()) return error(503, "not ready: the rings are still being read");
  auto ring = store_.find(*ring_name);
  if (!ring) return error(404, "there is no ControllerRing " + std::string(*ring_name));
  if (!ring->object)
    return error(422, "ControllerRing " + std::string(*ring_name) + ": " + ring->object.error().message);

  auto review = kube::parse_admission_review(request.body);
  if (!review) return error(400, review.error().message);
  if (!review->sub_resource.empty()) return review_answer(kube::allow(), review->uid);
  AdmissionInput input = to_input(*review);
  auto decision = decide_assignment(input, *ring->object, *ring->shards, loop_.random());
  if (auto* failed = std::get_if<ReviewError>(&decision)) return error(failed->code, failed->message);
  auto* assigned = std::get_if<Assign>(&decision);
  if (!assigned) return review_answer(kube::allow(), review->uid);

  auto patch = json::parse(assigned->patch);
  if (!patch) return error(500, patch.error().message);
  if (!review->dry_run) metrics_.count_assignment(*ring_name, input.resource);
  if (log_.enabled(LogLevel::kDebug)) {
    log_.debug("assigned", {{"controllerring", *ring_name},
                            {"resource", to_string(input.resource)},
                            {"object", review->ns + "/" + (assigned->name.empty() ? review->name : assigned->name)},
                            {"shard", assigned->shard}});
  }
  return review_answer(kube::allow_with_patch(std::move(*patch)), review->uid);
}

}  // namespace ringside::central
