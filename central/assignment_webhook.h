// The webhook that gives objects their shard: admission requests of the API server in, answers from memory out.
#pragma once

#include "base/log.h"
#include "central/metrics.h"
#include "central/ring_store.h"
#include "event/loop.h"
#include "http/message.h"

namespace ringside::central {

class AssignmentWebhook {
 public:
  // All must outlive it.
  AssignmentWebhook(event::Loop& loop, Logger log, const RingStore& store, Metrics& metrics)
      : loop_(loop), log_(std::move(log)), store_(store), metrics_(metrics) {}

  // For paths below sharding::kWebhookPathPrefix; waits for nothing. What cannot be answered (4xx; 503 until the store
  // is synced) makes the API server apply the failurePolicy: the write passes, a sync assigns the object later.
  http::Response answer(const http::Request& request);

 private:
  event::Loop& loop_;
  Logger log_;
  const RingStore& store_;
  Metrics& metrics_;
};

}  // namespace ringside::central
