#include "central/fence_reconciler.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "central/admission_policy.h"
#include "central/fence_policy.h"
#include "central/label_policy.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

// From the policy's being stored to its being in force in every API server.
constexpr Duration kIntoForce = std::chrono::seconds(2);
// How long somebody else's change of a policy may last.
constexpr Duration kReapply = std::chrono::minutes(5);
// What was applied less than this ago is not applied again; the objects of a ring are applied one after the other.
constexpr Duration kFresh = kReapply - std::chrono::seconds(30);
constexpr Backoff::Options kRetry = {.initial = std::chrono::milliseconds(200), .max = std::chrono::seconds(30)};

// What follows from it, and how to be done with it.
Error without_fence(const Error& error, std::string_view consequence, std::string_view annotation) {
  return {error.kind, error.message + "; " + std::string(consequence) + " (annotation " + std::string(annotation) +
                          ": off of the ControllerRing does without)"};
}

}  // namespace

FenceReconciler::State::State() : applied(kFresh) {}

FenceReconciler::FenceReconciler(kube::Client& client, Logger log, RingStore& store,
                                 const kube::LabelSelector& default_selector, Report report)
    : client_(client),
      log_(std::move(log)),
      store_(store),
      default_selector_(default_selector),
      report_(std::move(report)),
      queue_(client.loop(), {.resync = kReapply, .backoff = kRetry},
             [this](std::string ring) { return look_at(std::move(ring)); }),
      subscription_(store, [this](const std::string& ring, RingChange change) { on_change(ring, change); }),
      policies_(client, log_, admission_policies(),
                [this](const std::string& ring, const std::string& name, const std::string& version) {
                  on_seen(ring, admission_policies(), name, version);
                }) {
  for (const std::string& ring : store.ring_names()) on_change(ring, RingChange::kObject);
}

void FenceReconciler::on_change(const std::string& ring, RingChange change) {
  if (!store_.find(ring) && !rings_.contains(ring)) return;
  State& state = rings_[ring];
  ServiceAccounts of_leases = store_.serviceaccounts(ring);
  bool available = store_.available_count(ring) > 0;
  auto may_return_until = available ? std::nullopt : store_.may_return_until(ring);
  bool renewal_only = change == RingChange::kLeases && available == state.available && of_leases == state.of_leases &&
                      may_return_until == state.may_return_until;
  if (renewal_only) return;
  state.of_leases = std::move(of_leases);
  state.available = available;
  state.may_return_until = may_return_until;
  if (change == RingChange::kFence) {
    if (state.in_force && !store_.fence(ring)) state.in_force.reset();  // somebody else has deleted it
    const BindingChange& binding = store_.binding_change();
    on_seen(ring, admission_policy_bindings(), binding.name, binding.version);
    if (state.applied.next_due(client_.loop().now())) return;
  }
  queue_.add(ring);
}

void FenceReconciler::on_seen(const std::string& ring, const kube::ResourceType& type, const std::string& name,
                              const std::string& version) {
  auto state = rings_.find(ring);
  if (state == rings_.end()) return;
  event::Loop& loop = client_.loop();
  auto put_back = state->second.applied.seen(kube::path_of(type, "", name), version, loop.now(), loop.random());
  if (!put_back) return;
  log_.info("ring: somebody has changed what keeps others off its objects",
            {{"controllerring", ring}, {"resource", type.resource}, {"name", name}});
  queue_.add_at(ring, *put_back);
}

event::Task<bool> FenceReconciler::look_at(std::string ring) {
  State& state = rings_[ring];  // nobody else removes it
  auto snapshot = store_.find(ring);
  if (snapshot && !snapshot->object) co_return true;  // the ring's condition says what is wrong; all stays as it is
  Wanted wanted = snapshot ? find_wanted(*snapshot) : Wanted();
  if (wanted.until) queue_.add_at(ring, *wanted.until);
  auto done = co_await reconcile(ring, snapshot.get(), std::move(wanted));
  if (auto put_back = state.applied.next_due(client_.loop().now())) queue_.add_at(ring, *put_back);
  bool retry = !done && !store_.fence_problem();
  if (retry) {
    log_.warn("ring: its fence cannot be kept, trying again",
              {{"controllerring", ring}, {"error", done.error().message}});
  }
  if (!snapshot) {
    if (done && !store_.find(ring)) {
      rings_.erase(ring);
      queue_.forget(ring);
    }
    co_return !retry;
  }
  std::optional<Error> problem = parse_fence_settings(snapshot->meta.annotations).problem;
  if (!done) problem = done.error();
  report_(ring, std::move(problem));
  co_return !retry;
}

bool FenceReconciler::is_up(const std::string& ring) const {
  auto state = rings_.find(ring);
  return (state != rings_.end() && state->second.in_force) || store_.fence(ring);
}

FenceReconciler::Wanted FenceReconciler::find_wanted(const RingSnapshot& snapshot) const {
  const std::string& ring = snapshot.meta.name;
  FenceSettings settings = parse_fence_settings(snapshot.meta.annotations);
  Wanted wanted;
  wanted.of_shards = store_.serviceaccounts(ring);
  if (auto binding = store_.fence(ring)) wanted.of_shards.merge(binding->of_shards);
  wanted.serviceaccounts = wanted.of_shards;
  wanted.serviceaccounts.merge(settings.serviceaccounts);
  if (wanted.serviceaccounts.empty()) return wanted;
  if (store_.available_count(ring) == 0) {
    wanted.until = is_up(ring) ? store_.may_return_until(ring) : std::nullopt;
    if (!wanted.until) return wanted;
  }
  wanted.fence = settings.fence;
  wanted.labels = settings.label_protection;
  return wanted;
}

event::Task<Result<void>> FenceReconciler::reconcile(const std::string& ring, const RingSnapshot* snapshot,
                                                     Wanted wanted) {
  constexpr std::string_view kConsequence = "objects are assigned, but the API server does not fence them";
  bool up = is_up(ring);
  Result<void> done;
  if (wanted.fence != PolicyMode::kOff) {
    done = store_.fence_problem() ? failure(*store_.fence_problem()) : co_await raise_fence(*snapshot->object, wanted);
    if (!done) done = failure(without_fence(done.error(), kConsequence, sharding::kFenceAnnotation));
  } else if (up) {
    done = co_await lower(ring, sharding::fence_policy_name(ring));
    if (done) log_.info("ring: its fence is lifted", {{"controllerring", ring}});
    if (done) rings_[ring].in_force.reset();
  }
  auto labels = co_await reconcile_labels(ring, snapshot, std::move(wanted));
  co_return done ? labels : done;
}

event::Task<Result<void>> FenceReconciler::reconcile_labels(const std::string& ring, const RingSnapshot* snapshot,
                                                            Wanted wanted) {
  State& state = rings_[ring];
  if (wanted.labels != PolicyMode::kOff) {
    auto done = store_.fence_problem() ? failure(*store_.fence_problem())
                                       : co_await raise_labels(*snapshot->object, std::move(wanted));
    if (done) co_return done;
    co_return failure(
        without_fence(done.error(), "shard and drain labels are not protected", sharding::kLabelProtectionAnnotation));
  }
  if (!state.labels_up && !store_.has_label_policy(ring)) co_return Result<void>();
  auto done = co_await lower(ring, sharding::label_policy_name(ring));
  if (done) state.labels_up = false;
  co_return done;
}

event::Task<Result<void>> FenceReconciler::raise_fence(const sharding::ControllerRing& ring, Wanted wanted) {
  State& state = rings_[ring.name()];
  auto binding = store_.fence(ring.name());
  bool enforce = wanted.fence == PolicyMode::kEnforce;
  ServiceAccounts known = state.in_force.value_or(binding ? binding->in_force : ServiceAccounts());
  ServiceAccounts in_force, pending;
  for (const kube::NamespacedName& each : wanted.serviceaccounts) {
    if (enforce) (known.contains(each) ? in_force : pending).insert(each);
  }
  auto done = co_await apply(ring.name(), admission_policies(),
                             make_fence_policy(ring, default_selector_, wanted.serviceaccounts));
  if (!done) co_return done;
  auto put_into_force = [&]() {
    return apply(ring.name(), admission_policy_bindings(),
                 make_fence_binding(ring, wanted.fence, in_force, wanted.of_shards));
  };
  done = co_await put_into_force();
  if (!done) co_return done;
  TimePoint now = client_.loop().now();
  if (!state.in_force) log_.info("ring: its fence is up", {{"controllerring", ring.name()}});
  state.in_force = in_force;
  if (!std::ranges::includes(state.pending, pending)) state.pending_since = now;
  state.pending = pending;
  if (pending.empty()) co_return done;
  if (now - state.pending_since < kIntoForce) {
    queue_.add_at(ring.name(), state.pending_since + kIntoForce);
    co_return done;
  }
  in_force.merge(pending);
  done = co_await put_into_force();
  if (!done) co_return done;
  state.in_force = std::move(in_force);
  state.pending.clear();
  co_return done;
}

event::Task<Result<void>> FenceReconciler::raise_labels(const sharding::ControllerRing& ring, Wanted wanted) {
  if (own_name_.empty()) co_await find_own_name();
  auto done = co_await apply(ring.name(), admission_policies(),
                             make_label_policy(ring, default_selector_, wanted.serviceaccounts, own_name_));
  if (!done) co_return done;
  done = co_await apply(ring.name(), admission_policy_bindings(), make_label_binding(ring, wanted.labels));
  if (done) rings_[ring.name()].labels_up = true;
  co_return done;
}

// The binding first: a policy without one has no effect, and it is by the binding that others know of the fence.
event::Task<Result<void>> FenceReconciler::lower(std::string ring, std::string name) {
  for (const kube::ResourceType& type : {admission_policy_bindings(), admission_policies()}) {
    rings_[ring].applied.forget(kube::path_of(type, "", name));
    auto removed = co_await client_.remove(type, "", name);
    if (!removed && removed.error().kind != ErrorKind::kNotFound) co_return removed;
  }
  co_return Result<void>();
}

event::Task<Result<void>> FenceReconciler::apply(std::string ring, kube::ResourceType type, json::Value object) {
  std::string name(object.string_at({"metadata", "name"}));
  std::string path = kube::path_of(type, "", name);
  std::string text = json::to_string(object);
  TimePoint now = client_.loop().now();
  if (!rings_[ring].applied.is_due(path, text, now)) co_return Result<void>();
  kube::WriteOptions options;
  options.field_manager = sharding::kApplyFieldManager;
  options.force = true;
  auto applied = co_await client_.apply(std::move(type), "", std::move(name), std::move(object), std::move(options));
  if (!applied) co_return failure(applied.error());
  rings_[ring].applied.applied(path, std::move(text), std::string(applied->string_at({"metadata", "resourceVersion"})),
                               now);
  co_return Result<void>();
}

event::Task<void> FenceReconciler::find_own_name() {
  json::Value review = json::Value::object({{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}});
  auto answer = co_await client_.create({"authentication.k8s.io", "v1", "selfsubjectreviews"}, "", std::move(review));
  if (answer) {
    own_name_ = answer->string_at({"status", "userInfo", "username"});
  } else {
    log_.warn("our own user name is not known: our changes of labels may be reported as somebody's",
              {{"error", answer.error().message}});
  }
}

}  // namespace ringside::central
