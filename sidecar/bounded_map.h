// Maps of what was seen lately, that do not grow for ever.
#pragma once

#include <cstddef>
#include <map>

namespace ringside::sidecar {

constexpr size_t kMostRemembered = 10'000;

// To be called before an entry is added. Of a map that is full those that `is_old` takes are forgotten, and all if it
// takes none.
template <typename Map, typename IsOld>
void make_room(Map& map, IsOld is_old) {
  if (map.size() < kMostRemembered) return;
  std::erase_if(map, is_old);
  if (map.size() >= kMostRemembered) map.clear();
}

}  // namespace ringside::sidecar
