// Any JSON as a ControllerRing: its parts can be written and read again, and what central makes of it is whole.
#include "sharding/controller_ring.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "central/fence_policy.h"
#include "central/fence_settings.h"
#include "central/label_policy.h"
#include "central/webhook_config.h"
#include "sharding/names.h"
#include "tests/fuzz/require.h"

using namespace ringside;
using fuzz::require;

namespace {

void check_selector(const kube::LabelSelector& selector) {
  auto again = kube::parse_label_selector(to_json(selector));
  require(again && *again == selector);
}

void check_roles(const sharding::ControllerRing& ring) {
  for (const kube::GroupResource& resource : ring.resources()) {
    require(ring.find(resource) != sharding::ResourceRole::kNone && !resource.resource.empty());
  }
}

// In whole seconds, as the API has them.
void check_status(const sharding::ControllerRing& ring) {
  json::Value object = json::Value::object(
      {{"metadata", json::Value::object({{"name", ring.name()}})}, {"status", to_json(ring.status)}});
  auto once = sharding::parse_controller_ring(object);
  require(once && once->status.conditions.size() == ring.status.conditions.size());
  object["status"] = to_json(once->status);
  auto twice = sharding::parse_controller_ring(object);
  require(twice && twice->status == once->status);
  for (size_t i = 0; i < ring.status.conditions.size(); ++i) {
    bool timed = ring.status.conditions[i].last_transition_time.has_value();
    require(once->status.conditions[i].last_transition_time.has_value() == timed);
  }
}

void check_applied(const sharding::ControllerRing& ring) {
  central::FenceSettings settings = central::parse_fence_settings(ring.meta.annotations);
  require(central::parse_serviceaccounts(central::to_string(settings.serviceaccounts)) == settings.serviceaccounts);
  kube::LabelSelector selector = sharding::default_namespace_selector();
  json::Value webhook = central::make_webhook_configuration(ring, {}, "");
  require(webhook.array_at({"webhooks"}).size() == 1);
  require(webhook.array_at({"webhooks"})[0].array_at({"rules"}).size() == ring.resources().size());
  for (const json::Value& policy : {central::make_fence_policy(ring, selector, settings.serviceaccounts),
                                    central::make_label_policy(ring, selector, settings.serviceaccounts, "")}) {
    require(!policy.string_at({"metadata", "name"}).empty() && !policy.array_at({"spec", "validations"}).empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto object = json::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!object) return 0;
  auto ring = sharding::parse_controller_ring(*object);
  if (!ring) {
    require(ring.error().kind == ErrorKind::kInvalid && !ring.error().message.empty());
    return 0;
  }
  require(sharding::validate_ring_name(ring->name()).has_value());
  if (ring->spec.namespace_selector) check_selector(*ring->spec.namespace_selector);
  require(std::ranges::is_sorted(sharding::named_namespaces(ring->spec)));
  check_roles(*ring);
  check_status(*ring);
  check_applied(*ring);
  return 0;
}
