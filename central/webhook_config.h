// The MutatingWebhookConfiguration that sends a ring's objects to the assignment webhook (protocol.md, "Names").
#pragma once

#include <string_view>

#include "base/json.h"
#include "central/config.h"
#include "sharding/controller_ring.h"

namespace ringside::central {

// The whole object for server-side apply, with the members that central owns and no others: caBundle is left out where
// neither `ca_bundle` nor the configuration has one, so that cert-manager's injector may own it. `ca_bundle` is PEM in
// base64 and wins over the configured one. The ring owns the object.
json::Value make_webhook_configuration(const sharding::ControllerRing& ring, const WebhookSettings& settings,
                                       std::string_view ca_bundle);

}  // namespace ringside::central
