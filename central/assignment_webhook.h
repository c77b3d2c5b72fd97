// The webhook that gives objects their shard: admission requests of the API server in, answers from memory out (and one
// exception).
#pragma once

#include <memory>

#include "base/log.h"
#include "central/assignment.h"
#include "central/main_scopes.h"
#include "central/metrics.h"
#include "central/owner_reader.h"
#include "central/ring_store.h"
#include "event/loop.h"
#include "event/task.h"
#include "http/message.h"
#include "kube/admission_review.h"

namespace ringside::central {

class AssignmentWebhook {
 public:
  // All must outlive it.
  AssignmentWebhook(event::Loop& loop, Logger log, const RingStore& store, const MainScopes& scopes,
                    OwnerReader& owners, Metrics& metrics)
      : loop_(loop), log_(std::move(log)), store_(store), scopes_(scopes), owners_(owners), metrics_(metrics) {}

  // For paths below sharding::kWebhookPathPrefix. Answers at once, but where a shard creates a child of an object that
  // waits for its handover: the owner is read then, two seconds at most. What cannot be answered (4xx; 503 until the
  // store is synced) makes the API server apply the failurePolicy: the write passes, a sync assigns the object later.
  event::Task<http::Response> answer(const http::Request& request);

 private:
  event::Task<http::Response> review(const http::Request& request, std::shared_ptr<const RingSnapshot> ring);
  event::Task<Assign> ask_owner(std::shared_ptr<const RingSnapshot> ring, AdmissionInput input, AskOwner question);
  http::Response assigned(const RingSnapshot& ring, const kube::AdmissionRequest& review, const AdmissionInput& input,
                          const Assign& assign);

  event::Loop& loop_;
  Logger log_;
  const RingStore& store_;
  const MainScopes& scopes_;
  OwnerReader& owners_;
  Metrics& metrics_;
};

}  // namespace ringside::central
