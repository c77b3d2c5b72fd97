#include "base/life_flag.h"

#include <gtest/gtest.h>

#include <memory>

namespace ringside {
namespace {

struct Caller {
  LifeFlag life;
};

TEST(LifeFlag, TellsWhetherItsOwnerWasDestroyed) {
  auto caller = std::make_unique<Caller>();
  EXPECT_TRUE(caller->life.survives([] {}));
  EXPECT_TRUE(caller->life.survives([] {}));
  EXPECT_FALSE(caller->life.survives([&] { caller.reset(); }));
}

TEST(LifeFlag, EveryNestedCallIsTold) {
  auto caller = std::make_unique<Caller>();
  bool inner = true;
  EXPECT_TRUE(caller->life.survives([&] { inner = caller->life.survives([] {}); }));
  EXPECT_TRUE(inner);
  EXPECT_FALSE(caller->life.survives([&] { inner = caller->life.survives([&] { caller.reset(); }); }));
  EXPECT_FALSE(inner);
}

}  // namespace
}  // namespace ringside
