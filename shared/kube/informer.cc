#include "kube/informer.h"

#include <set>

#include "base/backoff.h"
#include "event/async.h"

namespace ringside::kube {
namespace {

NamespacedName name_of(const json::Value& object) {
  return {std::string(object.string_at({"metadata", "namespace"})),
          std::string(object.string_at({"metadata", "name"}))};
}

}  // namespace

Informer::Informer(Client& client, Logger log, ResourceType type, ListOptions options, Handler handler)
    : client_(client),
      log_(log.with({{"informer", to_string(GroupResource{type.group, type.resource})}})),
      type_(std::move(type)),
      options_(std::move(options)),
      handler_(std::move(handler)),
      job_(client.loop(), run()) {}

Informer::~Informer() = default;

const json::Value* Informer::find(const NamespacedName& name) const {
  auto found = objects_.find(name);
  return found == objects_.end() ? nullptr : &found->second;
}

event::Task<void> Informer::run() {
  Backoff backoff({.initial = std::chrono::milliseconds(200), .max = std::chrono::seconds(5)});
  for (;;) {
    Result<void> done;
    if (resource_version_.empty()) {
      done = co_await list();
      if (done) backoff.reset();
    }
    if (done) {
      TimePoint began = client_.loop().now();
      done = co_await watch();
      // The end of a watch is normal; watches that end at once are not.
      if (client_.loop().now() - began > std::chrono::seconds(5)) backoff.reset();
    }
    if (done) continue;
    const Error& error = done.error();
    // Too old, or not understood (of another API server's storage): watching from it again cannot help.
    if (error.kind == ErrorKind::kGone || error.kind == ErrorKind::kInvalid) resource_version_.clear();
    if (error.kind == ErrorKind::kDisconnected) {
      log_.debug("the watch has ended, resuming", {{"resourceVersion", resource_version_}});
    } else {
      log_.warn("list or watch failed, trying again", {{"error", error.message}});
      handler_.on_error(error);
    }
    Duration wait = backoff.next(client_.loop().random());
    if (error.retry_after) wait = std::max<Duration>(wait, *error.retry_after);
    co_await event::sleep(client_.loop(), wait);
  }
}

event::Task<Result<void>> Informer::list() {
  ListOptions options = options_;
  options.resource_version = "";
  options.limit = 500;
  auto list = co_await client_.list(type_, options);
  if (!list) co_return failure(list.error());
  std::set<NamespacedName> present;
  for (auto& item : list->items) {
    present.insert(name_of(item));
    upsert(std::move(item));
  }
  std::vector<NamespacedName> gone;
  for (const auto& [name, object] : objects_) {
    if (!present.contains(name)) gone.push_back(name);
  }
  for (const auto& name : gone) remove(name);
  resource_version_ = list->resource_version;
  if (!synced_) {
    synced_ = true;
    handler_.on_synced();
  }
  co_return Result<void>();
}

event::Task<Result<void>> Informer::watch() {
  ListOptions options = options_;
  options.resource_version = resource_version_;
  auto watch = co_await client_.watch(type_, options);
  if (!watch) co_return failure(watch.error());
  for (;;) {
    auto event = co_await (*watch)->next();
    if (!event) co_return failure(event.error());
    resource_version_ = event->object.string_at({"metadata", "resourceVersion"});
    switch (event->type) {
      case WatchEventType::kAdded:
      case WatchEventType::kModified: upsert(std::move(event->object)); break;
      case WatchEventType::kDeleted: remove(name_of(event->object)); break;
      case WatchEventType::kBookmark: break;
    }
  }
}

void Informer::upsert(json::Value object) {
  NamespacedName name = name_of(object);
  auto [position, added] = objects_.try_emplace(name);
  bool same = !added && position->second.string_at({"metadata", "resourceVersion"}) ==
                            object.string_at({"metadata", "resourceVersion"});
  if (same) return;
  position->second = std::move(object);
  handler_.on_upsert(position->second);
}

void Informer::remove(const NamespacedName& name) {
  auto node = objects_.extract(name);
  if (!node.empty()) handler_.on_delete(node.key(), node.mapped());
}

}  // namespace ringside::kube
