#include "sidecar/ring_view.h"

#include <algorithm>
#include <utility>

#include "event/async.h"
#include "sharding/names.h"

namespace ringside::sidecar {

Result<kube::GroupResource> parse_resource_name(std::string_view text) {
  size_t dot = text.find('.');
  std::string_view resource = text.substr(0, dot);
  if (resource.empty() || dot == text.size() - 1) {
    return failure(ErrorKind::kInvalid, "'" + std::string(text) + "' is no <resource> or <resource>.<group>");
  }
  std::string_view group = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  return kube::GroupResource{std::string(group), std::string(resource)};
}

RingResources to_ring_resources(const sharding::ControllerRing& ring, const std::vector<kube::GroupResource>& all_views,
                                const std::set<kube::GroupResource>& cluster_scoped) {
  std::vector<RingResource> resources;
  auto entry = [&](const kube::GroupResource& resource) -> RingResource& {
    for (auto& known : resources) {
      if (known.resource == resource) return known;
    }
    bool all = std::find(all_views.begin(), all_views.end(), resource) != all_views.end();
    bool scope = cluster_scoped.contains(resource) || resource == kube::GroupResource{"", "namespaces"};
    return resources.emplace_back(RingResource{.resource = resource, .filtered = !all, .cluster_scoped = scope});
  };
  for (const auto& main : ring.spec.resources) {
    entry(main.resource).is_main = true;
    for (const auto& controlled : main.controlled) entry(controlled).is_controlled = true;
  }
  return RingResources(std::move(resources));
}

RingView::RingView(kube::Client& client, Logger log, std::string ring, std::vector<kube::GroupResource> all_views,
                   std::function<void()> on_change)
    : loop_(client.loop()),
      log_(std::move(log)),
      name_(std::move(ring)),
      all_views_(std::move(all_views)),
      on_change_(std::move(on_change)),
      problem_("the ControllerRing '" + name_ + "' has not been read yet"),
      discovery_(client) {
  kube::ListOptions options;
  options.field_selector = "metadata.name=" + name_;
  auto absent = [this] {
    set(std::nullopt, "the ControllerRing '" + name_ + "' does not exist; create it, or remove the pod's annotation " +
                          std::string(sharding::kSidecarRingAnnotation));
  };
  kube::Informer::Handler handler{.on_upsert = [this](const json::Value& object) { on_object(object); },
                                  .on_delete = [absent](const kube::NamespacedName&, const json::Value&) { absent(); },
                                  .on_synced =
                                      [this, absent] {
                                        if (!ring_) absent();
                                      },
                                  .on_error =
                                      [this](const Error& error) {
                                        // What was known stays true until the API server says otherwise.
                                        if (!ring_)
                                          set(std::nullopt,
                                              "the ControllerRing '" + name_ + "' cannot be read: " + error.message);
                                      }};
  kube::ResourceType type{std::string(sharding::kApiGroup), "v1alpha1", std::string(sharding::kControllerRingResource)};
  informer_ = std::make_unique<kube::Informer>(client, log_, type, options, std::move(handler));
}

void RingView::on_object(const json::Value& object) {
  auto ring = sharding::parse_controller_ring(object);
  if (!ring) return set(std::nullopt, "the ControllerRing '" + name_ + "' is not valid: " + ring.error().message);
  set(std::move(*ring), "");
}

void RingView::set(std::optional<sharding::ControllerRing> ring, std::string problem) {
  bool same = problem == problem_ && ring.has_value() == ring_.has_value() && (!ring || ring->spec == ring_->spec);
  ring_ = std::move(ring);
  if (same) return;
  problem_ = std::move(problem);
  resources_ = ring_ ? to_ring_resources(*ring_, all_views_, cluster_scoped_) : RingResources();
  learning_ = ring_ ? event::Job(loop_, learn_scopes()) : event::Job();
  if (problem_.empty()) {
    log_.info("ring known", {{"resources", int64_t(ring_->resources().size())}});
  } else {
    log_.warn("ring not known: requests that may concern it are refused", {{"why", problem_}});
  }
  on_change_();
}

// Until it is known, and for resources that do not exist yet, lists by name are filtered as any list: that hides, but
// never shows too much.
event::Task<void> RingView::learn_scopes() {
  std::vector<kube::GroupResource> unknown = ring_->resources();
  for (;;) {
    std::vector<kube::GroupResource> still_unknown;
    for (const kube::GroupResource& resource : unknown) {
      auto found = co_await discovery_.find(resource);
      if (!found) {
        log_.debug("the scope of a resource is not known, trying again",
                   {{"resource", to_string(resource)}, {"error", found.error().message}});
        still_unknown.push_back(resource);
      } else if (!found->namespaced && cluster_scoped_.insert(resource).second) {
        resources_ = to_ring_resources(*ring_, all_views_, cluster_scoped_);
        on_change_();
      }
    }
    if (still_unknown.empty()) co_return;
    unknown = std::move(still_unknown);
    co_await event::sleep(loop_, std::chrono::seconds(5));
  }
}

}  // namespace ringside::sidecar
