// The only tests on a real clock: they wait for milliseconds.
#include "event/libevent_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <csignal>

namespace ringside::event {
namespace {

using std::chrono::milliseconds;

struct SocketPair {
  SocketPair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0); }
  ~SocketPair() {
    ::close(fds[0]);
    ::close(fds[1]);
  }
  int fds[2];
};

TEST(LibeventLoopTest, TimersInOrderAndNotEarly) {
  LibeventLoop loop;
  TimePoint start = loop.now();
  std::string seen;
  auto late = loop.timer([&] {
    seen += '2';
    EXPECT_GE(loop.now() - start, milliseconds(20));
    loop.stop();
  });
  auto early = loop.timer([&] { seen += '1'; });
  late->arm(milliseconds(20));
  early->arm(milliseconds(5));
  loop.run();
  EXPECT_EQ(seen, "12");
}

TEST(LibeventLoopTest, ReadinessOfADescriptor) {
  LibeventLoop loop;
  SocketPair pair;
  std::string received;
  auto watch = loop.watch(pair.fds[0], [&](bool readable, bool writable) {
    EXPECT_TRUE(readable);
    EXPECT_FALSE(writable);
    char byte = 0;
    ASSERT_EQ(::read(pair.fds[0], &byte, 1), 1);  // one at a time: level-triggered
    received.push_back(byte);
    if (received.size() == 5) loop.stop();
  });
  watch->want(true, false);
  auto post = loop.post([&] { EXPECT_EQ(::write(pair.fds[1], "hello", 5), 5); });
  loop.run();
  EXPECT_EQ(received, "hello");
}

TEST(LibeventLoopTest, WhatIsReadyIsToldTheTimeAfterTheWait) {
  LibeventLoop loop;
  int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  itimerspec in_20_ms{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = 20'000'000}};
  TimePoint start = loop.now();
  ASSERT_EQ(::timerfd_settime(fd, 0, &in_20_ms, nullptr), 0);
  TimePoint in_callback;
  auto watch = loop.watch(fd, [&](bool, bool) {
    in_callback = loop.now();
    loop.stop();
  });
  watch->want(true, false);
  loop.run();
  EXPECT_GE(in_callback - start, milliseconds(20));
  EXPECT_EQ(loop.now(), in_callback) << "one time for the whole turn";
  watch.reset();
  ::close(fd);
}

TEST(LibeventLoopTest, ReadyDescriptorDoesNotKeepTheOtherPhasesFromRunning) {
  LibeventLoop loop;
  SocketPair pair;
  int ready = 0, turns = 0;
  auto watch = loop.watch(pair.fds[0], [&](bool, bool) { ++ready; });  // always writable
  watch->want(false, true);
  std::unique_ptr<TurnEnd> end;
  end = loop.turn_end([&] {
    if (++turns == 10) loop.stop();
    end->schedule();
  });
  end->schedule();
  loop.run();
  EXPECT_EQ(turns, 10);
  EXPECT_LE(ready, 10);
}

TEST(LibeventLoopTest, WatchesStopAndMayDestroyThemselves) {
  LibeventLoop loop;
  SocketPair pair;
  int calls = 0;
  std::unique_ptr<FdWatch> first, second;
  first = loop.watch(pair.fds[0], [&](bool, bool) {
    ++calls;
    first.reset();
    second.reset();
  });
  second = loop.watch(pair.fds[1], [&](bool, bool) {
    ++calls;
    first.reset();
    second.reset();
  });
  first->want(false, true);
  second->want(false, true);
  auto timer = loop.timer([&] { loop.stop(); });
  timer->arm(milliseconds(5));
  loop.run();
  EXPECT_EQ(calls, 1);

  auto idle = loop.watch(pair.fds[0], [&](bool, bool) { ++calls; });
  idle->want(true, true);
  idle->want(false, false);
  timer->arm(milliseconds(5));
  loop.run();
  EXPECT_EQ(calls, 1);
}

TEST(LibeventLoopTest, SignalsAreToldUntilTheWatchIsDestroyed) {
  LibeventLoop loop;
  int signals = 0;
  std::unique_ptr<Posted> watch;
  watch = loop.on_signal(SIGUSR1, [&, text = std::string(100, 'x')] {
    if (++signals == 2) watch.reset();
    EXPECT_EQ(text.size(), 100u);
    signals == 2 ? loop.stop() : static_cast<void>(::raise(SIGUSR1));
  });
  ::raise(SIGUSR1);
  loop.run();
  EXPECT_EQ(signals, 2);
}

}  // namespace
}  // namespace ringside::event
