// Maps of what was seen lately, that do not grow for ever.
#pragma once

#include <cstddef>
#include <map>

namespace ringside::sidecar {

// To be called before an entry is added. Of ten thousand those that `is_old` takes are forgotten, and all if it takes
// none: what is remembered in such a map spares work, or answers once more.
template <typename Map, typename IsOld>
void make_room(Map& map, IsOld is_old) {
  constexpr size_t kMost = 10'000;
  if (map.size() < kMost) return;
  std::erase_if(map, is_old);
  if (map.size() >= kMost) map.clear();
}

}  // namespace ringside::sidecar
