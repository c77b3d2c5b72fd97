// A Service as a StreamHandler: collects the request, bounded in size and time, and sends the answer.
#pragma once

#include <memory>

#include "event/loop.h"
#include "http/service.h"
#include "http/stream.h"

namespace ringside::http {

struct ServiceLimits {
  size_t max_body_bytes = 7 << 20;
  Duration body_timeout = std::chrono::seconds(10);
};

// The acceptor of a server whose requests are answered by the service. 413 for bodies over the limit, 408 for slow
// ones.
StreamAcceptor serve(event::Loop& loop, Service service, ServiceLimits limits);

}  // namespace ringside::http
