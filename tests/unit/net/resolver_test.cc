#include "net/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <vector>

#include "event/libevent_loop.h"
#include "tests/support/run_task.h"

namespace ringside::net {
namespace {

using ringside::testing::Started;
using Resolving = Started<Result<std::vector<Address>>>;

void run_until(event::LibeventLoop& loop, std::function<bool()> condition) {
  auto tick = loop.timer([] {});
  std::unique_ptr<event::TurnEnd> end;
  end = loop.turn_end([&] {
    if (condition()) return loop.stop();
    if (!tick->armed()) tick->arm(std::chrono::milliseconds(1));
    end->schedule();
  });
  end->schedule();
  loop.run();
}

TEST(ResolverTest, AddressesStandForThemselvesAtOnce) {
  event::LibeventLoop loop;
  for (auto [text, family] : {std::pair{"127.0.0.1", AF_INET}, {"::1", AF_INET6}, {"fd00:10:96::1", AF_INET6}}) {
    auto address = parse_address(text, 6443);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->get()->sa_family, family);
    EXPECT_EQ(ntohs(reinterpret_cast<const sockaddr_in*>(address->get())->sin_port), 6443);
    Resolving resolving(loop, resolve(loop, text, 6443));
    run_until(loop, [&] { return resolving.done(); });
    ASSERT_TRUE(resolving.result());
    EXPECT_EQ(resolving.result()->size(), 1u);
  }
  for (std::string text : {"localhost", "[::1]", "", "127.0.0.1:443"}) EXPECT_FALSE(parse_address(text, 1)) << text;
}

TEST(ResolverTest, NamesAreLookedUp) {
  event::LibeventLoop loop;
  Resolving known(loop, resolve(loop, "localhost", 443)), unknown(loop, resolve(loop, "no-such-name.invalid", 443));
  run_until(loop, [&] { return known.done() && unknown.done(); });
  ASSERT_TRUE(known.result()) << known.result().error().message;
  EXPECT_GE(known.result()->size(), 1u);
  ASSERT_FALSE(unknown.result());
  EXPECT_EQ(unknown.result().error().kind, ErrorKind::kRefused);
  EXPECT_THAT(unknown.result().error().message, ::testing::HasSubstr("cannot resolve 'no-such-name.invalid'"));
}

TEST(ResolverTest, AtMostSixteenAtOnceAndCancelledOnesMakeRoomWhenTheyEnd) {
  event::LibeventLoop loop;
  for (int turn = 0; turn < 50; ++turn) {
    auto one = std::make_unique<Resolving>(loop, resolve(loop, "localhost", 443));
    auto later = loop.post([&] { one.reset(); });
    run_until(loop, [&] { return one == nullptr; });
  }
  // The threads of those end by and by.
  bool resolved = false;
  while (!resolved) {
    Resolving another(loop, resolve(loop, "localhost", 443));
    run_until(loop, [&] { return another.done(); });
    resolved = another.result().has_value();
  }
}

}  // namespace
}  // namespace ringside::net
