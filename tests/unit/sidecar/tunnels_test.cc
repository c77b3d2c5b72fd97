#include "sidecar/tunnels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "event/simulated_loop.h"

namespace ringside::sidecar {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

const ObjectRef kPod{{"", "pods"}, "ns", "x"};

struct TunnelsTest : ::testing::Test {
  Tunnels::Handle open(std::optional<ObjectRef> object) {
    return tunnels.add(std::move(object), [this] { ++ended; });
  }

  event::SimulatedLoop loop;
  MetricsRegistry metrics;
  bool held = true;
  std::set<ObjectRef> fenced;
  int ended = 0;
  Tunnels tunnels{loop,
                  metrics,
                  {.lease_held = [this] { return held; },
                   .is_fenced = [this](const ObjectRef& object) { return fenced.contains(object); }}};
};

TEST_F(TunnelsTest, ThoseIntoTheRingEndWithTheLease) {
  auto inside = open(kPod);
  auto outside = open(std::nullopt);
  loop.advance(seconds(60));
  EXPECT_EQ(ended, 0);
  held = false;
  tunnels.check();
  EXPECT_EQ(ended, 1);
  loop.advance(seconds(60));  // told once
  EXPECT_EQ(ended, 1);
}

// A Lease that runs out calls nobody.
TEST_F(TunnelsTest, ALeaseThatExpiresIsSeenWithinASecond) {
  auto inside = open(kPod);
  loop.advance(seconds(7));
  held = false;
  loop.advance(seconds(1));
  EXPECT_EQ(ended, 1);
}

TEST_F(TunnelsTest, AFenceIsOutlastedForAShortWhile) {
  auto handed_over = open(kPod);
  auto another = open(ObjectRef{{"", "pods"}, "ns", "y"});
  loop.advance(seconds(10));
  fenced.insert(kPod);
  loop.advance(seconds(2));
  EXPECT_EQ(ended, 0);
  loop.advance(seconds(2));
  EXPECT_EQ(ended, 1);
}

TEST_F(TunnelsTest, AFenceThatIsLiftedIsForgotten) {
  auto inside = open(kPod);
  for (int i = 0; i < 5; ++i) {
    fenced.insert(kPod);
    loop.advance(seconds(2));
    fenced.clear();
    loop.advance(seconds(2));
  }
  EXPECT_EQ(ended, 0);
}

TEST_F(TunnelsTest, TheHandleMayGoWhileItIsEnded) {
  std::optional<Tunnels::Handle> first, second;
  first.emplace(tunnels.add(kPod, [&] {
    first.reset();
    second.reset();
    ++ended;
  }));
  second.emplace(open(kPod));
  held = false;
  tunnels.check();
  EXPECT_EQ(ended, 1);
}

TEST_F(TunnelsTest, TheyAreCounted) {
  auto one = open(kPod);
  {
    auto two = open(std::nullopt);
    auto moved = std::move(two);
    EXPECT_THAT(metrics.to_text(), HasSubstr("ringside_sidecar_upgraded_connections 2"));
  }
  EXPECT_THAT(metrics.to_text(), HasSubstr("ringside_sidecar_upgraded_connections 1"));
}

}  // namespace
}  // namespace ringside::sidecar
