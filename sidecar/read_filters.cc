#include "sidecar/read_filters.h"

namespace ringside::sidecar {
namespace {

constexpr size_t kMaxPaths = 1000;

}  // namespace

void ReadFilters::begun(std::string_view path, bool filtered) {
  auto known = filtered_.find(path);
  if (known != filtered_.end()) {
    known->second = filtered;
  } else if (filtered_.size() < kMaxPaths) {
    filtered_.emplace(path, filtered);
  }
}

bool ReadFilters::is_stale(std::string_view path, bool filtered) const {
  auto known = filtered_.find(path);
  return known != filtered_.end() && known->second != filtered;
}

}  // namespace ringside::sidecar
