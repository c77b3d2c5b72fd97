#include "central/namespace_store.h"

namespace ringside::central {
namespace {

kube::ListOptions metadata_only() {
  kube::ListOptions options;
  options.metadata_only = true;
  return options;
}

}  // namespace

NamespaceStore::NamespaceStore(kube::Client& client, Logger log, std::function<void()> on_synced,
                               std::function<void()> on_changed)
    : on_changed_(std::move(on_changed)),
      informer_(
          client, log, {"", "v1", "namespaces"}, metadata_only(),
          {.on_upsert = [this](const json::Value& object) { on_upsert(object); },
           .on_delete = [this](const kube::NamespacedName& name, const json::Value&) { labels_.erase(name.name); },
           .on_synced = std::move(on_synced)}) {}

bool NamespaceStore::selected(const kube::LabelSelector& selector, std::string_view ns) const {
  auto labels = labels_.find(ns);
  return labels != labels_.end() && selector.matches(labels->second);
}

std::vector<std::string> NamespaceStore::names(const kube::LabelSelector& selector) const {
  std::vector<std::string> names;
  for (const auto& [name, labels] : labels_) {
    if (selector.matches(labels)) names.push_back(name);
  }
  return names;
}

void NamespaceStore::on_upsert(const json::Value& object) {
  const json::Value* metadata = object.find("metadata");
  if (!metadata) return;
  kube::ObjectMeta meta = kube::parse_object_meta(*metadata);
  auto known = labels_.find(meta.name);
  if (known == labels_.end()) {
    labels_.emplace(meta.name, std::move(meta.labels));
  } else if (known->second != meta.labels) {
    known->second = std::move(meta.labels);
    on_changed_();
  }
}

}  // namespace ringside::central
