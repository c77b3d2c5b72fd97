#include "sidecar/tombstones.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr TimePoint kStart = TimePoint(1h);

ObjectRef ref(std::string name) {
  return {.resource = {.group = "", .resource = "secrets"}, .ns = "d", .name = name};
}

TEST(TombstonesTest, ExpireAfterTheirTime) {
  Tombstones tombstones({.keep = 20min});
  tombstones.add(ref("a"), 0, kStart);
  tombstones.add(ref("b"), 0, kStart + 1min);
  EXPECT_THAT(tombstones.expire(kStart + 19min), IsEmpty());
  Wake wake(kStart + 19min);
  tombstones.add_wakes(wake);
  EXPECT_EQ(wake.at(), kStart + 20min);
  EXPECT_THAT(tombstones.expire(kStart + 20min), ElementsAre(ref("a")));
  EXPECT_TRUE(tombstones.contains(ref("b")));
}

TEST(TombstonesTest, AreBoundedWithTheirChildren) {
  Tombstones tombstones({.max_objects = 10});
  tombstones.add(ref("a"), 4, kStart);
  tombstones.add(ref("b"), 4, kStart);
  EXPECT_THAT(tombstones.expire(kStart), IsEmpty());
  tombstones.add(ref("c"), 0, kStart);
  EXPECT_THAT(tombstones.expire(kStart), ElementsAre(ref("a")));
}

TEST(TombstonesTest, ReadsAreRareAndOneAtATime) {
  Tombstones tombstones({.read_interval = 1s});
  tombstones.want_read(ref("a"));
  EXPECT_THAT(tombstones.take_reads(kStart, 0), IsEmpty());
  EXPECT_THAT(tombstones.take_reads(kStart, 5), ElementsAre(ref("a")));
  tombstones.want_read(ref("a"));
  EXPECT_THAT(tombstones.take_reads(kStart + 5s, 5), IsEmpty());
  EXPECT_TRUE(tombstones.read_done(ref("a"), kStart + 5s));
  EXPECT_THAT(tombstones.take_reads(kStart + 5500ms, 5), IsEmpty());
  Wake wake(kStart + 5500ms);
  tombstones.add_wakes(wake);
  EXPECT_EQ(wake.at(), kStart + 6s);
  EXPECT_THAT(tombstones.take_reads(kStart + 6s, 5), ElementsAre(ref("a")));
  tombstones.want_read(ref("a"), true);
  EXPECT_FALSE(tombstones.read_done(ref("a"), kStart + 6s));
  EXPECT_THAT(tombstones.take_reads(kStart + 7s, 5), ElementsAre(ref("a")));
  EXPECT_TRUE(tombstones.read_done(ref("a"), kStart + 7s));
}

}  // namespace
}  // namespace ringside::sidecar
