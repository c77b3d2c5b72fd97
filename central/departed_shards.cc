#include "central/departed_shards.h"

#include <utility>

namespace ringside::central {

void DepartedShards::update(const std::vector<std::string>& present, TimePoint now) {
  auto before = std::exchange(present_, std::set<std::string>(present.begin(), present.end()));
  for (const std::string& shard : before) departed_.try_emplace(shard, now);
  std::erase_if(departed_,
                [&](const auto& each) { return present_.contains(each.first) || now - each.second > kRemembered; });
}

std::vector<std::string> DepartedShards::names() const {
  std::vector<std::string> names;
  for (const auto& [shard, _] : departed_) names.push_back(shard);
  return names;
}

}  // namespace ringside::central
