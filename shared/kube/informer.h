// A list and a watch kept up for ever: what client-go calls reflector and informer in one.
//
// Guarantees, in the words of client-go's SharedInformer: the handler sees every object of the first list, then every
// change in order, per object; changes that follow each other quickly may be seen as one; after a watch was lost, the
// informer resumes from the last resource version (bookmarks included), or lists again and tells the difference, so
// that no deletion is missed. Objects that stop matching the selector are deletions.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/log.h"
#include "event/job.h"
#include "kube/client.h"
#include "kube/meta.h"

namespace ringside::kube {

class Informer {
 public:
  struct Handler {
    std::function<void(const json::Value& object)> on_upsert;  // added, or changed
    std::function<void(const NamespacedName& name, const json::Value& last)> on_delete;
    std::function<void()> on_synced = [] {};                           // once, after the first list
    std::function<void(const Error&)> on_error = [](const Error&) {};  // a failed list or watch; it is retried
  };

  // Starts at once; stops when destroyed. Handlers run in phase 3 of a turn and must not destroy the informer.
  Informer(Client& client, Logger log, ResourceType type, ListOptions options, Handler handler);
  ~Informer();

  bool synced() const { return synced_; }
  // The objects as last seen.
  const std::map<NamespacedName, json::Value>& objects() const { return objects_; }
  // The object, or nullptr.
  const json::Value* find(const NamespacedName& name) const;

 private:
  event::Task<void> run();
  event::Task<Result<void>> list();
  event::Task<Result<void>> watch();
  void upsert(json::Value object);
  void remove(const NamespacedName& name);

  Client& client_;
  Logger log_;
  ResourceType type_;
  ListOptions options_;
  Handler handler_;
  std::map<NamespacedName, json::Value> objects_;
  std::string resource_version_;
  bool synced_ = false;
  event::Job job_;
};

}  // namespace ringside::kube
