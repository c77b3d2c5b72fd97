#include "http/head_budget.h"

#include <utility>

namespace ringside::http {

bool HeadBudget::Share::try_hold(size_t head_bytes) {
  if (!budget_) return true;
  size_t bytes = head_bytes > kFree ? head_bytes - kFree : 0;
  size_t all = budget_->held_ - held_ + bytes;
  if (bytes > held_ && all > budget_->max_bytes_) return false;
  budget_->held_ = all;
  held_ = bytes;
  return true;
}

void HeadBudget::Share::release() {
  if (budget_) budget_->held_ -= std::exchange(held_, 0);
}

}  // namespace ringside::http
