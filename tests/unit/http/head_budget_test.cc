#include "http/head_budget.h"

#include <gtest/gtest.h>

#include <memory>

namespace ringside::http {
namespace {

constexpr size_t kFree = HeadBudget::kFree;

TEST(HeadBudgetTest, SharesAreLimitedTogether) {
  HeadBudget budget(1000);
  auto first = std::make_unique<HeadBudget::Share>(&budget);
  HeadBudget::Share second(&budget);
  EXPECT_TRUE(first->try_hold(kFree + 600));
  EXPECT_TRUE(second.try_hold(kFree));
  EXPECT_FALSE(second.try_hold(kFree + 401));
  EXPECT_TRUE(second.try_hold(kFree + 400));
  EXPECT_FALSE(first->try_hold(kFree + 601));
  second.release();
  EXPECT_TRUE(first->try_hold(kFree + 1000));
  EXPECT_FALSE(second.try_hold(kFree + 1));
  first.reset();
  EXPECT_TRUE(second.try_hold(kFree + 1000));
}

TEST(HeadBudgetTest, WithoutBudgetThereIsNoLimit) {
  HeadBudget::Share share(nullptr);
  EXPECT_TRUE(share.try_hold(size_t(1) << 40));
  share.release();
}

}  // namespace
}  // namespace ringside::http
