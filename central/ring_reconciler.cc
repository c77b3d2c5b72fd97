#include "central/ring_reconciler.h"

#include <algorithm>
#include <vector>

#include "base/base64.h"
#include "central/webhook_config.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

// How long somebody else's change of a webhook configuration may last.
constexpr Duration kReapply = std::chrono::minutes(5);

kube::ResourceType webhook_configurations() {
  return {"admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations"};
}

kube::ResourceType controller_rings() {
  return {std::string(sharding::kApiGroup), "v1alpha1", std::string(sharding::kControllerRingResource)};
}

// The API server counts characters, at most 32,768.
std::string cut(std::string message) {
  if (message.size() > 2000) message.resize(2000);
  return message;
}

bool same_but_for_times(sharding::ControllerRingStatus a, sharding::ControllerRingStatus b) {
  for (auto* status : {&a, &b}) {
    for (auto& condition : status->conditions) condition.last_transition_time.reset();
  }
  return a == b;
}

}  // namespace

RingTrouble trouble_of(const Error& error) {
  bool permission = error.kind == ErrorKind::kForbidden;
  return {std::string(permission ? kReasonPermissionMissing : sharding::kReasonFailed), error.message};
}

std::optional<RingTrouble> trouble_of(const SyncOutcome& outcome) {
  std::string message;
  if (outcome.orphans > 0) {
    message = (outcome.orphans == 1 ? "1 object" : std::to_string(outcome.orphans) + " objects") +
              " had no shard, for example " + outcome.orphan +
              ": the API server did not reach the assignment webhook (see the Pods and the Service of " +
              std::string(sharding::kSharderName) + ")";
    if (!outcome.problem) {
      return RingTrouble{std::string(kReasonObjectsUnassigned), message + "; they have been assigned now"};
    }
    message += "; assigning them failed: ";
  }
  if (!outcome.problem) return std::nullopt;
  RingTrouble trouble = trouble_of(*outcome.problem);
  trouble.message = message + trouble.message;
  return trouble;
}

sharding::ControllerRingStatus make_ring_status(sharding::ControllerRingStatus present, int64_t generation,
                                                int64_t shards, int64_t available,
                                                const std::optional<RingTrouble>& trouble, WallTime now) {
  // Exactly one condition: tools that were written for the reference expect that.
  std::erase_if(present.conditions, [](const auto& each) { return each.type != sharding::kReadyCondition; });
  present.observed_generation = generation;
  present.shards = shards;
  present.available_shards = available;
  sharding::Condition condition{.type = std::string(sharding::kReadyCondition),
                                .status = trouble ? "False" : "True",
                                .reason = std::string(sharding::kReasonSucceeded),
                                .message = "ControllerRing was successfully reconciled",
                                .observed_generation = generation,
                                .last_transition_time = std::nullopt};
  if (trouble) {
    condition.reason = trouble->reason;
    condition.message = cut(trouble->message);
  }
  set_condition(present, std::move(condition), now);
  return present;
}

RingReconciler::State::State() : applied(kReapply) {}

RingReconciler::RingReconciler(kube::Client& client, Logger log, RingStore& store, EventRecorder& events,
                               const WebhookSettings& settings, std::function<std::string()> ca_bundle)
    : client_(client),
      log_(std::move(log)),
      store_(store),
      events_(events),
      settings_(settings),
      ca_bundle_(std::move(ca_bundle)),
      queue_(client.loop(), {.resync = kReapply}, [this](std::string ring) { return look_at(std::move(ring)); }),
      subscription_(store, [this](const std::string& ring, RingChange change) { on_change(ring, change); }),
      webhooks_(client, log_, webhook_configurations(),
                [this](const std::string& ring, const std::string& name, const std::string& version) {
                  on_webhook_seen(ring, name, version);
                }) {
  reconcile_all();
}

void RingReconciler::reconcile_all() {
  for (const std::string& ring : store_.ring_names()) on_change(ring, RingChange::kObject);
}

void RingReconciler::set_sync_outcome(const std::string& ring, const SyncOutcome& outcome) {
  auto state = rings_.find(ring);
  auto snapshot = store_.find(ring);
  if (state == rings_.end() || !snapshot) return;
  auto trouble = trouble_of(outcome);
  if (trouble && outcome.orphans > 0) {
    events_.record(snapshot->meta, EventType::kWarning, std::string(kReasonObjectsUnassigned), trouble->message);
  }
  if (trouble == state->second.sync_trouble) return;
  state->second.sync_trouble = std::move(trouble);
  on_change(ring, RingChange::kObject);
}

void RingReconciler::set_fence_problem(const std::string& ring, const std::optional<Error>& problem) {
  auto state = rings_.find(ring);
  auto trouble = problem ? std::optional(trouble_of(*problem)) : std::nullopt;
  if (state == rings_.end() || trouble == state->second.fence_trouble) return;
  state->second.fence_trouble = std::move(trouble);
  on_change(ring, RingChange::kObject);
}

std::optional<RingTrouble> RingReconciler::trouble_of_ring(const std::string& ring) const {
  auto state = rings_.find(ring);
  if (state == rings_.end()) return std::nullopt;
  const std::optional<RingTrouble>& sync = state->second.sync_trouble;
  const std::optional<RingTrouble>& fence = state->second.fence_trouble;
  if (!sync || !fence) return sync ? sync : fence;
  return RingTrouble{sync->reason, sync->message + "; " + fence->message};
}

void RingReconciler::on_change(const std::string& ring, RingChange change) {
  if (change == RingChange::kDeleted) {
    // The garbage collector removes the webhook configuration, which the ring owns.
    rings_.erase(ring);
    queue_.forget(ring);
    return;
  }
  auto snapshot = store_.find(ring);
  if (!snapshot) return;
  bool renewal_only = change == RingChange::kLeases && rings_.contains(ring) && snapshot->object &&
                      snapshot->object->status.shards == store_.lease_count(ring) &&
                      snapshot->object->status.available_shards == store_.available_count(ring);
  if (renewal_only) return;
  rings_.try_emplace(ring);
  queue_.add(ring);
}

void RingReconciler::on_webhook_seen(const std::string& ring, const std::string& name, const std::string& version) {
  auto state = rings_.find(ring);
  if (state == rings_.end()) return;
  std::string path = kube::path_of(webhook_configurations(), "", name);
  auto put_back = state->second.applied.seen(path, version, client_.loop().now(), client_.loop().random());
  if (!put_back) return;
  log_.info("ring: its webhook configuration was changed by somebody", {{"controllerring", ring}});
  queue_.add_at(ring, *put_back);
}

event::Task<bool> RingReconciler::look_at(std::string ring) {
  auto done = co_await reconcile(ring);
  auto state = rings_.find(ring);
  if (state == rings_.end()) co_return true;
  if (auto put_back = state->second.applied.next_due(client_.loop().now())) queue_.add_at(ring, *put_back);
  if (!done) {
    log_.warn("ring: cannot be reconciled, trying again", {{"controllerring", ring}, {"error", done.error().message}});
  }
  co_return done.has_value();
}

event::Task<Result<void>> RingReconciler::reconcile(std::string ring) {
  auto snapshot = store_.find(ring);
  if (!snapshot) co_return Result<void>();
  Result<void> applied;
  if (snapshot->object) {
    applied = co_await apply_webhook(*snapshot->object);
  } else {
    applied = failure(snapshot->object.error());
  }
  auto trouble = applied ? trouble_of_ring(ring) : std::optional(trouble_of(applied.error()));
  auto written = co_await write_status(*snapshot, trouble);
  if (!written) co_return written;
  // Trying again does not help against what is written in the ring.
  co_return snapshot->object ? applied : Result<void>();
}

event::Task<Result<void>> RingReconciler::apply_webhook(const sharding::ControllerRing& ring) {
  std::string bundle = ca_bundle_();
  json::Value configuration =
      make_webhook_configuration(ring, settings_, bundle.empty() ? std::string() : to_base64(bundle));
  std::string text = json::to_string(configuration);
  TimePoint now = client_.loop().now();
  std::string name = sharding::webhook_configuration_name(ring.name());
  std::string path = kube::path_of(webhook_configurations(), "", name);
  auto known = rings_.find(ring.name());
  if (known != rings_.end() && !known->second.applied.is_due(path, text, now)) co_return Result<void>();
  kube::WriteOptions options;
  options.field_manager = sharding::kApplyFieldManager;
  options.force = true;
  auto applied = co_await client_.apply(webhook_configurations(), "", std::move(name), std::move(configuration),
                                        std::move(options));
  if (!applied) co_return failure(applied.error());
  if (auto state = rings_.find(ring.name()); state != rings_.end()) {
    state->second.applied.applied(path, std::move(text),
                                  std::string(applied->string_at({"metadata", "resourceVersion"})), now);
  }
  co_return Result<void>();
}

event::Task<Result<void>> RingReconciler::write_status(const RingSnapshot& snapshot,
                                                       std::optional<RingTrouble> trouble) {
  std::string name = snapshot.meta.name;
  sharding::ControllerRingStatus present;
  if (snapshot.object) {
    present = snapshot.object->status;
  } else if (auto state = rings_.find(name); state != rings_.end() && state->second.written) {
    present = *state->second.written;
  }
  auto status = make_ring_status(present, snapshot.meta.generation, store_.lease_count(name),
                                 store_.available_count(name), trouble, client_.loop().wall_now());
  if (same_but_for_times(status, present)) co_return Result<void>();
  kube::WriteOptions options;
  options.field_manager = sharding::kCentralFieldManager;
  options.subresource = "status";
  json::Value patch = json::Value::object({{"status", to_json(status)}});
  auto patched = co_await client_.patch(controller_rings(), "", name, kube::PatchType::kMerge, std::move(patch),
                                        std::move(options));
  if (!patched && patched.error().kind != ErrorKind::kNotFound) co_return failure(patched.error());
  if (auto state = rings_.find(name); state != rings_.end()) state->second.written = std::move(status);
  co_return Result<void>();
}

}  // namespace ringside::central
