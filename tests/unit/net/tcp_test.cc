#include "net/tcp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "event/async.h"
#include "event/libevent_loop.h"
#include "tests/support/raw_peer.h"
#include "tests/support/run_task.h"

namespace ringside::net {
namespace {

using ringside::testing::RawPeer;
using ringside::testing::Started;

// Runs the loop until the condition holds; a test that hangs is stopped by its time-out.
void run_until(event::LibeventLoop& loop, std::function<bool()> condition) {
  std::unique_ptr<event::TurnEnd> end;
  auto tick = loop.timer([] {});
  end = loop.turn_end([&] {
    if (condition()) return loop.stop();
    if (!tick->armed()) tick->arm(std::chrono::milliseconds(1));
    end->schedule();
  });
  end->schedule();
  loop.run();
}

TEST(TcpTest, ConnectsToAPortOfTheKernelsChoiceAndBytesPass) {
  for (std::string address : {"127.0.0.1", "::1"}) {
    event::LibeventLoop loop;
    std::unique_ptr<RawPeer> accepted;
    auto listener = TcpListener::listen(loop, address, 0, [&](std::unique_ptr<ByteStream> stream) {
      accepted = std::make_unique<RawPeer>(std::move(stream));
    });
    if (!listener && address == "::1") continue;  // a machine without IPv6
    ASSERT_TRUE(listener) << listener.error().message;
    EXPECT_NE((*listener)->port(), 0);
    Started connecting(loop, tcp_connect(loop, address, (*listener)->port()));
    run_until(loop, [&] { return connecting.done() && accepted; });
    ASSERT_TRUE(connecting.result()) << connecting.result().error().message;
    RawPeer peer(std::move(*connecting.result()));
    std::string sent(5 << 20, 'x'), received;
    peer.send(sent);
    run_until(loop, [&] {
      received += accepted->take();
      return received.size() >= sent.size() || peer.failed();
    });
    accepted->send("answer");
    std::string answer;
    run_until(loop, [&] { return (answer += peer.take()).size() == 6; });
    accepted->close();
    run_until(loop, [&] { return peer.saw_end(); });
  }
}

TEST(TcpTest, RefusedPortIsRefused) {
  event::LibeventLoop loop;
  uint16_t port = 0;
  {
    auto listener = TcpListener::listen(loop, "127.0.0.1", 0, [](std::unique_ptr<ByteStream>) {});
    port = (*listener)->port();
  }
  Started connecting(loop, tcp_connect(loop, "127.0.0.1", port));
  run_until(loop, [&] { return connecting.done(); });
  ASSERT_FALSE(connecting.result());
  EXPECT_EQ(connecting.result().error().kind, ErrorKind::kRefused);
  EXPECT_NE(connecting.result().error().message.find("127.0.0.1:" + std::to_string(port)), std::string::npos);
}

TEST(TcpTest, PortInUseAndBadAddressesAreNamed) {
  event::LibeventLoop loop;
  auto first = TcpListener::listen(loop, "127.0.0.1", 0, [](std::unique_ptr<ByteStream>) {});
  auto second = TcpListener::listen(loop, "127.0.0.1", (*first)->port(), [](std::unique_ptr<ByteStream>) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kRefused);
  EXPECT_NE(second.error().message.find("in use"), std::string::npos);
  EXPECT_FALSE(TcpListener::listen(loop, "not an address", 0, [](std::unique_ptr<ByteStream>) {}));
  EXPECT_FALSE(TcpListener::listen(loop, "localhost", 0, [](std::unique_ptr<ByteStream>) {}));
}

TEST(TcpTest, UnknownNameIsRefused) {
  event::LibeventLoop loop;
  Started connecting(loop, tcp_connect(loop, "no-such-name.invalid", 1));
  run_until(loop, [&] { return connecting.done(); });
  EXPECT_EQ(connecting.result().error().kind, ErrorKind::kRefused);
}

TEST(TcpTest, CancelledConnectLeavesNothing) {
  event::LibeventLoop loop;
  auto listener = TcpListener::listen(loop, "127.0.0.1", 0, [](std::unique_ptr<ByteStream>) {});
  auto connecting = std::make_unique<Started<Result<std::unique_ptr<ByteStream>>>>(
      loop, tcp_connect(loop, "127.0.0.1", (*listener)->port()));
  auto later = loop.post([&] { connecting.reset(); });
  run_until(loop, [&] { return connecting == nullptr; });
}

TEST(TcpTest, ManyConnectionsAtOnce) {
  event::LibeventLoop loop;
  std::vector<std::unique_ptr<ByteStream>> accepted;
  auto listener = TcpListener::listen(
      loop, "127.0.0.1", 0, [&](std::unique_ptr<ByteStream> stream) { accepted.push_back(std::move(stream)); });
  std::vector<std::unique_ptr<Started<Result<std::unique_ptr<ByteStream>>>>> connecting;
  for (int i = 0; i < 50; ++i) {
    connecting.push_back(std::make_unique<Started<Result<std::unique_ptr<ByteStream>>>>(
        loop, tcp_connect(loop, "127.0.0.1", (*listener)->port())));
  }
  run_until(loop, [&] { return accepted.size() == 50; });
  for (auto& each : connecting) EXPECT_TRUE(each->done() && each->result());
}

TEST(TcpTest, TellsWhatThePeersProcessHasRead) {
  struct Case {
    std::string listens, connects;
  };
  for (const Case& c : {Case{"127.0.0.1", "127.0.0.1"}, Case{"::1", "::1"}, Case{"::", "127.0.0.1"}}) {
    SCOPED_TRACE(c.listens + " " + c.connects);
    event::LibeventLoop loop;
    std::unique_ptr<ByteStream> here;
    auto listener = TcpListener::listen(loop, c.listens, 0, [&](auto stream) { here = std::move(stream); });
    if (!listener && c.listens == "::1") continue;  // a machine without IPv6
    ASSERT_TRUE(listener) << listener.error().message;
    Started connecting(loop, tcp_connect(loop, c.connects, (*listener)->port()));
    run_until(loop, [&] { return connecting.done() && here; });
    ASSERT_TRUE(connecting.result()) << connecting.result().error().message;
    RawPeer peer(std::move(*connecting.result()));
    auto before = here->peer_reading();
    ASSERT_TRUE(before);
    EXPECT_EQ(before->unread, 0u);
    peer.set_reading(false);
    ASSERT_EQ(here->write("seven b").n, 7u);
    ASSERT_TRUE(here->peer_reading());
    EXPECT_EQ(here->peer_reading()->unread, 7u);
    EXPECT_EQ(here->peer_reading()->read, before->read);
    peer.set_reading(true);
    run_until(loop, [&] { return peer.take() == "seven b"; });
    EXPECT_EQ(here->peer_reading()->unread, 0u);
    EXPECT_EQ(here->peer_reading()->read, before->read + 7);
    peer.close();
    static_cast<void>(here->peer_reading());  // the peer's socket is gone, or waits for our end
  }
}

}  // namespace
}  // namespace ringside::net
