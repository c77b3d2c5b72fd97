#include "sidecar/child_index_feed.h"

#include "base/backoff.h"
#include "event/async.h"

namespace ringside::sidecar {

std::vector<std::string> namespaces_to_list(const kube::DiscoveredResource& resource,
                                            const std::vector<std::string>& namespaces) {
  return resource.namespaced ? namespaces : std::vector<std::string>{""};
}

ChildIndexFeed::ChildIndexFeed(kube::Client& client, kube::Discovery& discovery, Logger log,
                               const std::vector<kube::GroupResource>& resources, std::vector<std::string> namespaces,
                               std::string label_selector, ChildIndex& index, std::function<void()> on_change)
    : client_(client),
      discovery_(discovery),
      log_(std::move(log)),
      namespaces_(std::move(namespaces)),
      label_selector_(std::move(label_selector)),
      index_(index),
      on_change_(std::move(on_change)),
      jobs_(client.loop()) {
  for (const auto& resource : resources) jobs_.add(run(resource));
}

event::Task<void> ChildIndexFeed::run(kube::GroupResource resource) {
  Backoff backoff({.initial = std::chrono::milliseconds(200), .max = std::chrono::seconds(5)});
  for (;;) {
    TimePoint began = client_.loop().now();
    auto done = co_await list_and_watch(resource);
    if (client_.loop().now() - began > std::chrono::seconds(5)) backoff.reset();
    if (!done && done.error().kind != ErrorKind::kDisconnected && done.error().kind != ErrorKind::kGone) {
      log_.warn("cannot follow the controlled objects, trying again",
                {{"resource", to_string(resource)}, {"error", done.error().message}});
    }
    co_await event::sleep(client_.loop(), backoff.next(client_.loop().random()));
  }
}

event::Task<Result<void>> ChildIndexFeed::list_and_watch(kube::GroupResource resource) {
  auto found = co_await discovery_.find(resource);
  if (!found) co_return failure(found.error());
  std::vector<kube::ListOptions> watches;
  index_.begin_list(resource);
  for (const auto& ns : namespaces_to_list(*found, namespaces_)) {
    kube::ListOptions options;
    options.ns = ns;
    options.label_selector = label_selector_;
    options.limit = 500;
    options.metadata_only = true;
    auto version = co_await client_.for_each_metadata(found->type, options,
                                                      [&](kube::ObjectMeta meta) { index_.upsert(resource, meta); });
    if (!version) {
      if (version.error().kind == ErrorKind::kNotFound) discovery_.forget(resource);
      co_return failure(version.error());
    }
    options.limit = 0;
    options.resource_version = *version;
    watches.push_back(std::move(options));
  }
  index_.end_list(resource);
  on_change_();

  // Until the first watch ends; then everything is listed again, since the index has one list for each resource.
  event::Completion<Result<void>> ended(client_.loop());
  event::JobSet jobs(client_.loop());
  for (auto& options : watches) {
    auto run = [](event::Task<Result<void>> task, event::Completion<Result<void>>& done) -> event::Task<void> {
      done.complete(co_await task);
    };
    jobs.add(run(watch(resource, found->type, std::move(options)), ended));
  }
  co_return co_await ended;
}

event::Task<Result<void>> ChildIndexFeed::watch(kube::GroupResource resource, kube::ResourceType type,
                                                kube::ListOptions options) {
  auto watch = co_await client_.watch(type, options);
  if (!watch) co_return failure(watch.error());
  for (;;) {
    auto event = co_await (*watch)->next();
    if (!event) co_return failure(event.error());
    const json::Value* metadata = event->object.find("metadata");
    if (event->type == kube::WatchEventType::kBookmark || !metadata) continue;
    kube::ObjectMeta meta = kube::parse_object_meta(*metadata);
    if (event->type == kube::WatchEventType::kDeleted) {
      index_.remove({resource, meta.ns, meta.name});
    } else {
      index_.upsert(resource, meta);
    }
    on_change_();
  }
}

}  // namespace ringside::sidecar
