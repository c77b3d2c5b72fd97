#include "sidecar/handover_agent.h"

#include <algorithm>
#include <utility>

#include "event/async.h"
#include "sharding/names.h"
#include "sidecar/child_search.h"

namespace ringside::sidecar {
namespace {

// Of the search for children that a process before this one has moved: objects are fenced meanwhile.
constexpr Duration kSearchTime = std::chrono::seconds(20);

std::string_view name_of(Finished::Outcome outcome) {
  switch (outcome) {
    case Finished::Outcome::kAcknowledged: return "acknowledged";
    case Finished::Outcome::kTaken: return "taken";
    case Finished::Outcome::kWithdrawn: return "withdrawn";
    case Finished::Outcome::kGone: return "gone";
  }
  return "unknown";
}

std::string_view name_of(Quiet quiet) {
  switch (quiet) {
    case Quiet::kProof: return "proof";
    case Quiet::kWindow: return "window";
    case Quiet::kDeadline: return "deadline";
  }
  return "unknown";
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string describe(const ObjectRef& object) {
  return to_string(object.resource) + " " + to_string(kube::NamespacedName{object.ns, object.name});
}

}  // namespace

HandoverAgent::HandoverAgent(kube::Client& client, Logger log, MetricsRegistry& metrics, Options options)
    : client_(client),
      log_(std::move(log)),
      options_(std::move(options)),
      finished_(metrics.counter("ringside_sidecar_handovers_total", "Drains that have ended, by outcome.")),
      phase_seconds_(
          metrics.histogram("ringside_sidecar_handover_phase_seconds",
                            "Time of a handover, by phase: wait, quiesce, children, acknowledge; and fenced, "
                            "the last three together, in which nobody may write to the object.",
                            {0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60})),
      quiescence_(metrics.counter("ringside_sidecar_quiescence_total",
                                  "Handovers, by what showed that the controller was quiet.")),
      fence_denials_(metrics.counter("ringside_sidecar_fence_denials_total",
                                     "Writes that were refused because their object is being or was handed over.")),
      shard_label_(sharding::shard_label(options_.ring)),
      drain_label_(sharding::drain_label(options_.ring)),
      discovery_(client) {
  step_ = client.loop().turn_end([this] { step(); });
  wake_ = client.loop().timer([this] { step_->schedule(); });
  if (options_.metrics) make_probe(*options_.metrics);
}

HandoverAgent::~HandoverAgent() = default;

void HandoverAgent::make_probe(const QuiescenceProbe::Options& options) {
  QuiescenceProbe::Listener listener{.on_scrape =
                                         [this] {
                                           if (!handover_) return;
                                           handover_->begin_round();
                                           step_handover(client_.loop().now());
                                           step_->schedule();
                                         },
                                     .on_expected =
                                         [this](bool expected) {
                                           proof_expected_ = expected;
                                           if (handover_) handover_->expect_proof(expected);
                                           step_->schedule();
                                         },
                                     .on_proof =
                                         [this](TimePoint moment) {
                                           if (handover_) handover_->processing_proof(moment);
                                           step_->schedule();
                                         }};
  probe_ = std::make_unique<QuiescenceProbe>(client_.loop(), log_, options,
                                             metrics_connect(client_.loop(), options.url), std::move(listener));
}

void HandoverAgent::set_ring(const sharding::ControllerRing* ring) {
  std::vector<sharding::RingResource> resources = ring ? ring->spec.resources : std::vector<sharding::RingResource>();
  std::vector<std::string> namespaces = ring ? sharding::named_namespaces(ring->spec) : std::vector<std::string>();
  if (namespaces.empty()) namespaces = {""};
  if (handover_ && resources == resources_ && namespaces == namespaces_) return;
  // Requests under way end with the handover that asked for them: the next one counts its own.
  watching_ = std::make_unique<event::JobSet>(client_.loop());
  requests_ = std::make_unique<event::JobSet>(client_.loop());
  index_feed_.reset();
  drains_.clear();
  listed_.clear();
  handover_.reset();
  resources_ = std::move(resources);
  namespaces_ = std::move(namespaces);
  controlled_.clear();
  step_->schedule();
  if (resources_.empty()) return;
  for (const auto& main : resources_) {
    for (const auto& controlled : main.controlled) {
      // What is main too is assigned by its own key and drained for itself, whoever owns it.
      bool follows = ring->find(controlled) == sharding::ResourceRole::kControlled;
      if (follows && std::ranges::find(controlled_, controlled) == controlled_.end()) controlled_.push_back(controlled);
    }
  }
  HandoverOptions handover_options;
  handover_options.shard = options_.shard;
  handover_options.controlled = controlled_;
  handover_options.quiet_window = options_.quiet_window;
  handover_ = std::make_unique<Handover>(handover_options, fence_);
  handover_->expect_proof(proof_expected_);
  for (const auto& main : resources_) watching_->add(watch_drains(main.resource));
}

event::Task<void> HandoverAgent::watch_drains(kube::GroupResource resource) {
  // Waits for a resource that does not exist yet; ends when the ring has changed meanwhile.
  for (;;) {
    auto current = std::ranges::find(resources_, resource, &sharding::RingResource::resource);
    if (current == resources_.end() || drains_.contains(resource)) co_return;
    auto found = co_await discovery_.find(resource);
    if (found) {
      for (const auto& ns : namespaces_to_list(*found, namespaces_)) {
        drains_[resource].push_back(drain_informer(resource, found->type, ns));
      }
      co_return;
    }
    log_.warn("cannot watch for drains, trying again",
              {{"resource", to_string(resource)}, {"error", found.error().message}});
    co_await event::sleep(client_.loop(), std::chrono::seconds(5));
  }
}

std::unique_ptr<kube::Informer> HandoverAgent::drain_informer(const kube::GroupResource& resource,
                                                              const kube::ResourceType& type, const std::string& ns) {
  kube::ListOptions options;
  options.ns = ns;
  options.label_selector = shard_label_ + "=" + options_.shard + "," + drain_label_;
  options.metadata_only = true;
  kube::Informer::Handler handler{
      .on_upsert = [this, resource,
                    ns](const json::Value& object) { on_drain(resource, object, !listed_.contains({resource, ns})); },
      .on_delete =
          [this, resource](const kube::NamespacedName& name, const json::Value&) {
            handover_->drain_left({resource, name.ns, name.name});
            step_->schedule();
          },
      .on_synced = [this, resource, ns] { listed_.emplace(resource, ns); }};
  return std::make_unique<kube::Informer>(client_, log_, type, options, std::move(handler));
}

void HandoverAgent::on_drain(const kube::GroupResource& resource, const json::Value& object, bool inherited) {
  const json::Value* metadata = object.find("metadata");
  if (metadata == nullptr) return;
  kube::ObjectMeta meta = kube::parse_object_meta(*metadata);
  if (options_.unsafe) {
    requests_->add(acknowledge_on_sight({resource, meta.ns, meta.name}, meta.resource_version));
    return;
  }
  handover_->drain_seen(resource, meta, client_.loop().now(), inherited);
  step_->schedule();
}

void HandoverAgent::on_controller_gone() {
  if (!handover_) return;
  handover_->processing_proof(client_.loop().now());
  step_->schedule();
}

void HandoverAgent::step() {
  if (probe_ && !handover_) probe_->set_wanted(false);
  if (!handover_) return;
  TimePoint now = client_.loop().now();
  step_handover(now);
  if (probe_) probe_->set_wanted(handover_->wants_proof());
  if (auto next = handover_->next_wake(now)) {
    wake_->arm(*next - now);
  } else {
    wake_->disarm();
  }
}

void HandoverAgent::step_handover(TimePoint now) {
  for (const Action& action : handover_->step(now)) {
    std::visit([this](const auto& each) { run(each); }, action);
  }
}

// --- Actions.

void HandoverAgent::run(const StartChildIndex&) {
  index_feed_ = std::make_unique<ChildIndexFeed>(client_, discovery_, log_, controlled_, namespaces_,
                                                 shard_label_ + "=" + options_.shard, handover_->children(),
                                                 [this] { step_->schedule(); });
}

void HandoverAgent::run(const StopChildIndex&) {
  index_feed_.reset();
}

void HandoverAgent::run(const FindChildren& action) {
  for (const std::string& owner_uid : action.owner_uids)
    options_.on_children_parted(owner_uid);  // until they are fenced
  requests_->add(find_children(action.owner_uids));
}

void HandoverAgent::run(const ReleaseChild& action) {
  requests_->add(patch(action.id, action.object, action.resource_version, action.shard));
}

void HandoverAgent::run(const Acknowledge& action) {
  requests_->add(patch(action.id, action.object, action.resource_version, action.shard));
}

void HandoverAgent::run(const ReadLive& action) {
  requests_->add(read(action.id, action.object));
}

void HandoverAgent::run(const ChildrenParted& action) {
  options_.on_children_parted(action.owner_uid);
}

void HandoverAgent::run(const Finished& action) {
  finished_.add({{"outcome", std::string(name_of(action.outcome))}});
  if (action.quiet) quiescence_.add({{"by", std::string(name_of(*action.quiet))}});
  for (const auto& [phase, time] : {std::pair<const char*, Duration>{"wait", action.waited},
                                    {"quiesce", action.quiesced},
                                    {"children", action.moved},
                                    {"acknowledge", action.acknowledged},
                                    {"fenced", action.quiesced + action.moved + action.acknowledged}}) {
    phase_seconds_.observe({{"phase", phase}}, seconds(time));
  }
  log_.debug("handover ended", {{"object", describe(action.object)},
                                {"outcome", name_of(action.outcome)},
                                {"children", int64_t(action.children)},
                                {"quietBy", action.quiet ? name_of(*action.quiet) : ""},
                                {"overdue", action.overdue},
                                {"quiesceSeconds", seconds(action.quiesced)},
                                {"moveSeconds", seconds(action.moved + action.acknowledged)}});
}

event::Task<void> HandoverAgent::patch(RequestId id, ObjectRef object, std::string resource_version,
                                       std::string shard) {
  auto result = co_await try_patch(object, resource_version, shard);
  if (!result && result.error().kind != ErrorKind::kConflict && result.error().kind != ErrorKind::kNotFound) {
    log_.warn("a step of a handover failed, trying again",
              {{"object", describe(object)}, {"error", result.error().message}});
  }
  if (handover_) handover_->answered(id, result, client_.loop().now());
  step_->schedule();
}

event::Task<void> HandoverAgent::read(RequestId id, ObjectRef object) {
  auto result = co_await try_read(object);
  if (handover_) handover_->answered(id, result, client_.loop().now());
  step_->schedule();
}

event::Task<void> HandoverAgent::find_children(std::set<std::string> owner_uids) {
  TimePoint began = client_.loop().now();
  ChildSearch search(client_, discovery_, controlled_, namespaces_, {options_.ring, options_.shard},
                     ChildSearch::Of::kOtherShards);
  auto found =
      co_await event::with_timeout(client_.loop(), kSearchTime, "listing controlled objects", search.run(owner_uids));
  if (found) {
    log_.info("looked for children that were moved before this process began",
              {{"owners", int64_t(owner_uids.size())},
               {"ownersWithSuch", int64_t(found->size())},
               {"seconds", seconds(client_.loop().now() - began)}});
  } else {
    log_.warn("cannot look for children that were moved before this process began; the ring places their owners",
              {{"owners", int64_t(owner_uids.size())}, {"error", found.error().message}});
  }
  if (handover_) handover_->children_found(found ? *found : ChildrenFound());
  step_->schedule();
}

event::Task<void> HandoverAgent::acknowledge_on_sight(ObjectRef object, std::string resource_version) {
  // A conflict is no end: the watch shows the newer revision, still draining.
  auto result = co_await try_patch(object, resource_version, "");
  if (!result) log_.debug("not acknowledged", {{"object", describe(object)}, {"error", result.error().message}});
}

event::Task<Result<LiveObject>> HandoverAgent::try_patch(const ObjectRef& object, const std::string& resource_version,
                                                         const std::string& shard) {
  auto found = co_await discovery_.find(object.resource);
  if (!found) co_return failure(found.error());
  json::Value next = shard.empty() ? json::Value() : json::Value(shard);
  json::Value body = json::Value::object(
      {{"metadata",
        json::Value::object({{"resourceVersion", resource_version},
                             {"labels", json::Value::object({{shard_label_, next}, {drain_label_, nullptr}})}})}});
  kube::WriteOptions write;
  write.field_manager = std::string(sharding::kSidecarFieldManager);
  write.metadata_only = true;
  auto answer =
      co_await client_.patch(found->type, object.ns, object.name, kube::PatchType::kMerge, std::move(body), write);
  if (!answer) co_return failure(answer.error());
  co_return live_object(*answer);
}

event::Task<Result<LiveObject>> HandoverAgent::try_read(const ObjectRef& object) {
  auto found = co_await discovery_.find(object.resource);
  if (!found) co_return failure(found.error());
  auto answer = co_await client_.get(found->type, object.ns, object.name, true);
  if (!answer) co_return failure(answer.error());
  co_return live_object(*answer);
}

LiveObject HandoverAgent::live_object(const json::Value& object) const {
  return {.uid = std::string(object.string_at({"metadata", "uid"})),
          .resource_version = std::string(object.string_at({"metadata", "resourceVersion"})),
          .shard = std::string(object.string_at({"metadata", "labels", shard_label_})),
          .draining = object.at({"metadata", "labels", drain_label_}) != nullptr};
}

// --- The gate of the write path.

kube::Status HandoverAgent::fenced(const ObjectRef& object) const {
  fence_denials_.add({});
  return kube::conflict(object.resource.group, object.resource.resource, object.name,
                        "sidecar: the object is being handed over to another shard, or was; it is not this replica's");
}

bool HandoverAgent::needs_owner_references() const {
  return handover_ && handover_->needs_owner_references();
}

std::expected<InFlight, kube::Status> HandoverAgent::admit_change(const ObjectRef& object) {
  if (auto ticket = fence_.try_change(object)) return std::move(*ticket);
  if (handover_) handover_->blocked(object);
  step_->schedule();
  return std::unexpected(fenced(object));
}

std::expected<InFlight, kube::Status> HandoverAgent::admit_create(const kube::GroupResource& resource,
                                                                  const kube::ObjectMeta& meta) {
  if (auto ticket = fence_.try_create(meta.owner_references)) return std::move(*ticket);
  if (handover_) handover_->blocked_create(meta.owner_references);
  step_->schedule();
  fence_denials_.add({});
  return std::unexpected(kube::conflict(resource.group, resource.resource,
                                        meta.name.empty() ? meta.generate_name : meta.name,
                                        "sidecar: its owner is being handed over to another shard, or was; it is not "
                                        "this replica's"));
}

std::expected<InFlight, kube::Status> HandoverAgent::admit_unread_create() {
  return fence_.create_unread();
}

std::expected<InFlight, kube::Status> HandoverAgent::admit_delete_collection(const kube::GroupResource& resource) {
  if (auto ticket = fence_.try_delete_collection(resource)) return std::move(*ticket);
  fence_denials_.add({});
  return std::unexpected(kube::Status{
      .code = 409,
      .reason = "Conflict",
      .message = "sidecar: objects of resource " + to_string(resource) +
                 " are being handed over to another shard and must not be deleted as a collection; try again",
      .group = resource.group,
      .kind = resource.resource});
}

void HandoverAgent::on_write_done() {
  if (handover_ && handover_->fenced() > 0) step_->schedule();
}

}  // namespace ringside::sidecar
