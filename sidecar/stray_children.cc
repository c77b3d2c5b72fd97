#include "sidecar/stray_children.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "sidecar/child_search.h"

namespace ringside::sidecar {
namespace {

constexpr Duration kGood = std::chrono::seconds(2);

uint64_t hash_of(const std::string& uid) {
  return std::hash<std::string>()(uid);
}

}  // namespace

StrayChildren::StrayChildren(kube::Client& client, kube::Discovery& discovery, ShardIdentity self)
    : client_(client),
      discovery_(discovery),
      self_(std::move(self)),
      mutex_(client.loop()),
      forget_(client.loop().timer([this] { forget_old(); })) {}

event::Task<Result<bool>> StrayChildren::of_owner(kube::GroupResource resource, std::string ns, std::string owner_uid,
                                                  TimePoint since) {
  auto guard = co_await mutex_.lock();
  Place place(std::move(resource), std::move(ns));
  const List* latest = known(place, since);
  if (!latest) {
    auto listed = co_await list(place);
    if (!listed) co_return failure(listed.error());
    latest = &(lists_[place] = std::move(*listed));
    forget_->arm(kGood);
  }
  co_return std::ranges::binary_search(latest->owners, hash_of(owner_uid));
}

// nullptr: there is none that is good.
const StrayChildren::List* StrayChildren::known(const Place& place, TimePoint since) const {
  auto found = lists_.find(place);
  if (found == lists_.end()) return nullptr;
  const List& list = found->second;
  return list.began > since && client_.loop().now() - list.began < kGood ? &list : nullptr;
}

event::Task<Result<StrayChildren::List>> StrayChildren::list(Place place) {
  List list{.began = client_.loop().now(), .owners = {}};
  ChildSearch search(client_, discovery_, {place.first}, {place.second}, self_, ChildSearch::Of::kOthersAndNone);
  auto listed = co_await search.for_each([&list](const std::string& owner_uid, std::string_view) {
    uint64_t owner = hash_of(owner_uid);
    if (list.owners.empty() || list.owners.back() != owner) list.owners.push_back(owner);
  });
  if (!listed) co_return failure(listed.error());
  std::ranges::sort(list.owners);
  co_return list;
}

void StrayChildren::forget_old() {
  std::erase_if(lists_, [now = client_.loop().now()](const auto& list) { return now - list.second.began >= kGood; });
  if (!lists_.empty()) forget_->arm(kGood);
}

}  // namespace ringside::sidecar
