#include "central/assignment_webhook.h"

#include <algorithm>
#include <variant>

#include "event/async.h"
#include "http/service.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

// Of the 5 s that the API server waits for us.
constexpr Duration kOwnerTimeout = std::chrono::seconds(2);

// Reviews of objects of some megabytes take turns with the others; this much is scanned in a quarter of a millisecond,
// on a busy node too.
constexpr size_t kScanPerTurn = 128 << 10;

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
          .pod = std::string(review.user.extra_value(kube::kPodNameExtra)),
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

event::Task<http::Response> AssignmentWebhook::answer(const http::Request& request) {
  // The monotonic time stands still within a turn of the loop, and most reviews take less.
  WallTime began = loop_.wall_now();
  std::string_view path = request.head.path;
  auto name = sharding::ring_of_webhook_path(path.substr(0, path.find('?')));
  if (!name) co_return error(404, "the path does not end in the name of a ring");
  auto ring = store_.find(*name);
  if (!ring && !store_.synced()) co_return error(503, "not ready: the rings are still being read");
  if (!ring) co_return error(404, "there is no ControllerRing " + std::string(*name));
  http::Response response = co_await review(request, ring);
  metrics_.observe_review(ring->meta.name, response.status,
                          std::max<Duration>(Duration::zero(), loop_.wall_now() - began));
  co_return response;
}

event::Task<http::Response> AssignmentWebhook::review(const http::Request& request,
                                                      std::shared_ptr<const RingSnapshot> ring) {
  if (request.head.method != "POST") co_return error(405, "send an AdmissionReview by POST");
  if (!store_.synced()) co_return error(503, "not ready: the rings are still being read");
  if (!ring->object) {
    co_return error(422, "ControllerRing " + ring->meta.name + ": " + ring->object.error().message);
  }
  kube::AdmissionReviewParser parser(request.body, kube::WholeObject::kSkip, sharding::kApiGroup);
  while (!parser.step(kScanPerTurn)) co_await event::sleep(loop_, Duration::zero());
  auto review = parser.take();
  if (!review) co_return error(400, review.error().message);
  if (!review->sub_resource.empty()) co_return review_answer(kube::allow(), review->uid);
  AdmissionInput input = to_input(*review);
  // Of what matters here alone: it is looked for among all Leases, and handovers by sidecars come in thousands.
  bool may_matter = input.field_manager != sharding::kSidecarFieldManager && input.old_object &&
                    input.old_object->labels.contains(sharding::drain_label(ring->meta.name));
  if (may_matter) input.pod_has_sidecar = store_.has_sidecar(ring->meta.name, input.pod);
  auto decision =
      decide_assignment(input, *ring->object, scopes_.cluster_scoped(ring->meta.name), *ring->shards, loop_.random());
  if (auto* failed = std::get_if<ReviewError>(&decision)) co_return error(failed->code, failed->message);
  if (auto* assign = std::get_if<Assign>(&decision)) co_return assigned(*ring, *review, input, *assign);
  if (auto* question = std::get_if<AskOwner>(&decision)) {
    co_return assigned(*ring, *review, input, co_await ask_owner(ring, input, *question));
  }
  co_return review_answer(kube::allow(), review->uid);
}

event::Task<Assign> AssignmentWebhook::ask_owner(std::shared_ptr<const RingSnapshot> ring, AdmissionInput input,
                                                 AskOwner question) {
  std::string what = "read " + question.owner.kind + " " + input.object.ns + "/" + question.owner.name;
  auto owner = co_await event::with_timeout(loop_, kOwnerTimeout, std::move(what),
                                            owners_.read(*ring->object, question.owner, input.object.ns));
  if (!owner) {
    log_.warn("the owner of a new child cannot be read: the child goes where the ring wants it, not where its owner is",
              {{"controllerring", ring->meta.name}, {"error", owner.error().message}});
  }
  co_return place_with_owner(input, ring->meta.name, *ring->shards, question, owner ? *owner : std::nullopt);
}

http::Response AssignmentWebhook::assigned(const RingSnapshot& ring, const kube::AdmissionRequest& review,
                                           const AdmissionInput& input, const Assign& assign) {
  if (!review.dry_run) metrics_.count_assignment(ring.meta.name, input.resource);
  if (log_.enabled(LogLevel::kDebug)) {
    log_.debug("assigned", {{"controllerring", ring.meta.name},
                            {"resource", to_string(input.resource)},
                            {"object", review.ns + "/" + (assign.name.empty() ? review.name : assign.name)},
                            {"shard", assign.shard}});
  }
  return review_answer(kube::allow_with_patch(assign.patch), review.uid);
}

}  // namespace ringside::central
