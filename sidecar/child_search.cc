#include "sidecar/child_search.h"

#include <utility>

#include "sharding/names.h"
#include "sidecar/child_index_feed.h"

namespace ringside::sidecar {
namespace {

constexpr int kPage = 1000;

}  // namespace

ChildSearch::ChildSearch(kube::Client& client, kube::Discovery& discovery, std::vector<kube::GroupResource> resources,
                         std::vector<std::string> namespaces, const ShardIdentity& self, Of of)
    : client_(client),
      discovery_(discovery),
      resources_(std::move(resources)),
      namespaces_(std::move(namespaces)),
      shard_label_(sharding::shard_label(self.ring)),
      selector_((of == Of::kOtherShards ? shard_label_ + "," : "") + shard_label_ + "!=" + self.shard) {}

event::Task<Result<ChildrenFound>> ChildSearch::run(const std::set<std::string>& owner_uids) {
  ChildrenFound found;
  auto listed = co_await for_each([&](const std::string& owner_uid, std::string_view shard) {
    if (owner_uids.contains(owner_uid)) found[owner_uid].emplace(shard);
  });
  if (!listed) co_return failure(listed.error());
  co_return found;
}

event::Task<Result<void>> ChildSearch::for_each(Visit visit) {
  for (const kube::GroupResource& resource : resources_) {
    auto type = co_await discovery_.find(resource);
    if (!type && type.error().kind == ErrorKind::kNotFound) continue;
    if (!type) co_return failure(type.error());
    for (const std::string& ns : namespaces_to_list(*type, namespaces_)) {
      kube::ListOptions options;
      options.ns = ns;
      options.label_selector = selector_;
      options.limit = kPage;
      options.metadata_only = true;
      auto listed =
          co_await client_.for_each_metadata(type->type, std::move(options), [&](const kube::ObjectMeta& child) {
            const kube::OwnerReference* owner = kube::controller_of(child);
            if (owner) visit(owner->uid, child.label(shard_label_));
          });
      if (!listed) co_return failure(listed.error());
    }
  }
  co_return Result<void>();
}

}  // namespace ringside::sidecar
