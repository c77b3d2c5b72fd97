// The labels of all namespaces, for the namespaceSelectors of rings.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "kube/client.h"
#include "kube/informer.h"
#include "kube/meta.h"

namespace ringside::central {

class NamespaceStore {
 public:
  // The client must outlive it. on_changed runs in phase 3 when a namespace that was known before got other labels:
  // then objects in it may have to be assigned though nothing else changed.
  NamespaceStore(kube::Client& client, Logger log, std::function<void()> on_synced, std::function<void()> on_changed);

  bool synced() const { return informer_.synced(); }
  // Whether the selector takes the namespace; no for one that we do not know (any more).
  bool selected(const kube::LabelSelector& selector, std::string_view ns) const;
  // The names of those that the selector takes.
  std::vector<std::string> names(const kube::LabelSelector& selector) const;
  size_t size() const { return labels_.size(); }

 private:
  void on_upsert(const json::Value& object);

  std::function<void()> on_changed_;
  std::map<std::string, kube::Labels, std::less<>> labels_;
  kube::Informer informer_;
};

}  // namespace ringside::central
