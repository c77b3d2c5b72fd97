#include "central/departed_shards.h"

#include <gmock/gmock.h>

namespace ringside::central {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const TimePoint kStart = TimePoint() + std::chrono::hours(1);

TEST(DepartedShardsTest, RemembersThoseThatWereThere) {
  DepartedShards shards;
  shards.update({"a", "b", "c"}, kStart);
  EXPECT_THAT(shards.names(), IsEmpty());
  shards.update({"b"}, kStart + seconds(10));
  EXPECT_THAT(shards.names(), ElementsAre("a", "c"));
  shards.update({}, kStart + seconds(20));
  EXPECT_THAT(shards.names(), ElementsAre("a", "b", "c"));
}

TEST(DepartedShardsTest, OneThatIsBackHasNotDeparted) {
  DepartedShards shards;
  shards.update({"a", "b"}, kStart);
  shards.update({"b"}, kStart + seconds(10));
  shards.update({"a", "b"}, kStart + seconds(20));
  EXPECT_THAT(shards.names(), IsEmpty());
}

TEST(DepartedShardsTest, ForgetsEachAfterAWhileFromItsOwnDeparture) {
  DepartedShards shards;
  shards.update({"a", "b", "c"}, kStart);
  shards.update({"b", "c"}, kStart + minutes(1));
  shards.update({"c"}, kStart + minutes(3));
  shards.update({"c"}, kStart + minutes(6));
  EXPECT_THAT(shards.names(), ElementsAre("a", "b"));
  shards.update({"c"}, kStart + minutes(6) + seconds(1));
  EXPECT_THAT(shards.names(), ElementsAre("b"));
  shards.update({"c"}, kStart + minutes(9));
  EXPECT_THAT(shards.names(), IsEmpty());
}

}  // namespace
}  // namespace ringside::central
