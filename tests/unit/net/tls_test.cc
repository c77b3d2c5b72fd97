#include "net/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "event/simulated_loop.h"
#include "net/pipe.h"
#include "net/x509.h"
#include "tests/support/cut_stream.h"
#include "tests/support/raw_peer.h"
#include "tests/support/run_task.h"
#include "tests/support/weak_certificate.h"

namespace ringside::net {
namespace {

using ringside::testing::RawPeer;
using ringside::testing::Started;
using std::chrono::hours;
using ::testing::HasSubstr;

// Certificates are checked against the system's clock, whatever the loop's is.
const WallTime kNow = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());

const CertificateAndKey& ca() {
  static const CertificateAndKey kCa = make_ca("test-ca", kNow, hours(24)).value();
  return kCa;
}

CertificateAndKey leaf(const std::vector<std::string>& names = {"api.example", "127.0.0.1", "::1"}) {
  return issue_serving_certificate(ca(), names, kNow, hours(24)).value();
}

struct World {
  explicit World(PipeOptions pipe = {}) {
    auto [client, server] = make_pipe(loop, pipe);
    client_end = std::move(client);
    server_end = std::move(server);
    server_context = TlsServerContext::create(leaf(), {"h2", "http/1.1"}).value();
    client_context = TlsClientContext::create(TlsClientOptions{.ca_pem = ca().certificate_pem}).value();
  }

  // Both results; nothing waits any more.
  std::pair<Result<TlsConnection>, Result<TlsConnection>> shake_hands(std::string name = "api.example") {
    Started client(loop, tls_connect(loop, std::move(client_end), *client_context, std::move(name)));
    Started server(loop, tls_accept(loop, std::move(server_end), *server_context));
    loop.run_ready();
    return {std::move(client.result()), std::move(server.result())};
  }
  std::pair<std::unique_ptr<ByteStream>, std::unique_ptr<ByteStream>> connect() {
    auto [client, server] = shake_hands();
    return {std::move(client.value().stream), std::move(server.value().stream)};
  }

  event::SimulatedLoop loop;
  std::unique_ptr<ByteStream> client_end, server_end;
  std::shared_ptr<TlsServerContext> server_context;
  std::shared_ptr<TlsClientContext> client_context;
};

struct Calls {
  int reads = 0;
  int writes = 0;
};

// Counts what would be system calls.
class CountingStream : public ByteStream {
 public:
  CountingStream(std::unique_ptr<ByteStream> inner, Calls& calls) : inner_(std::move(inner)), calls_(calls) {}
  IoResult read(std::span<char> buffer) override {
    ++calls_.reads;
    return inner_->read(buffer);
  }
  IoResult write(std::string_view bytes) override {
    ++calls_.writes;
    return inner_->write(bytes);
  }
  void shut_down_write() override { inner_->shut_down_write(); }
  void set_ready_callback(ReadyCallback callback) override { inner_->set_ready_callback(std::move(callback)); }
  void want(bool read, bool write) override { inner_->want(read, write); }
  const Error& error() const override { return inner_->error(); }

 private:
  std::unique_ptr<ByteStream> inner_;
  Calls& calls_;
};

std::string random_bytes(std::mt19937_64& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = char(random());
  return bytes;
}

TEST(TlsTest, HandshakeAndBytesThroughPipesOfEverySize) {
  for (size_t capacity : {size_t(1), size_t(100), size_t(1) << 16}) {
    for (size_t per_call : {size_t(1), size_t(1) << 20}) {
      SCOPED_TRACE("capacity " + std::to_string(capacity) + ", per call " + std::to_string(per_call));
      World world({.capacity = capacity, .max_bytes_per_call = per_call});
      auto [client, server] = world.shake_hands();
      ASSERT_TRUE(client) << client.error().message;
      ASSERT_TRUE(server) << server.error().message;
      EXPECT_EQ(client->alpn, "h2");
      EXPECT_EQ(server->alpn, "h2");
      RawPeer a(std::move(client->stream)), b(std::move(server->stream));
      std::mt19937_64 random(7);
      for (size_t size : {1, 2, 1000, 16384, 16385, 100'000}) {
        if (capacity == 1 && size > 20'000) continue;
        std::string up = random_bytes(random, size), down = random_bytes(random, size / 2 + 1);
        a.send(up);
        b.send(down);
        world.loop.run_ready();
        EXPECT_TRUE(b.take() == up) << size;
        EXPECT_TRUE(a.take() == down) << size;
      }
    }
  }
}

TEST(TlsTest, RecordsGoTogetherAndReadingStopsWhereThereIsNoMore) {
  World world({.capacity = 1 << 20});
  Calls client_calls, server_calls;
  world.client_end = std::make_unique<CountingStream>(std::move(world.client_end), client_calls);
  world.server_end = std::make_unique<CountingStream>(std::move(world.server_end), server_calls);
  auto [client, server] = world.connect();
  client_calls = server_calls = {};
  EXPECT_EQ(client->write(std::string(64 << 10, 'x')).n, 64u << 10);
  EXPECT_EQ(client_calls.writes, 1);
  std::vector<char> buffer(100'000);
  EXPECT_EQ(server->read(buffer).n, 64u << 10);
  EXPECT_LE(server_calls.reads, 3);
  server_calls = {};
  client->write("x");
  EXPECT_EQ(server->read(buffer).n, 1u);
  EXPECT_EQ(server_calls.reads, 1);
}

TEST(TlsTest, BytesCountAsWrittenWhenAllTheirRecordsAreThrough) {
  World world({.capacity = 5000});
  auto [client, server] = world.connect();
  std::string text(20'000, 'x');
  ASSERT_EQ(client->write(text).status, IoStatus::kWouldBlock);
  RawPeer reader(std::move(server));
  IoResult result;
  for (int i = 0; i < 10 && result.status == IoStatus::kWouldBlock; ++i) {
    world.loop.run_ready();
    result = client->write(text + "more");  // begins with the same bytes
  }
  EXPECT_EQ(result.status, IoStatus::kOk);
  EXPECT_EQ(result.n, text.size());
  world.loop.run_ready();
  EXPECT_TRUE(reader.take() == text);
}

TEST(TlsTest, ReaderThatReadsOnceIsToldAgainUntilItHasAll) {
  World world;
  auto [client, server] = world.connect();
  client->write(std::string(10'000, 'x'));
  std::string received;
  std::array<char, 100> buffer;
  server->set_ready_callback([&, stream = server.get()](bool readable, bool) {
    ASSERT_TRUE(readable);
    IoResult result = stream->read(buffer);
    if (result.status == IoStatus::kOk) received.append(buffer.data(), result.n);
  });
  server->want(true, false);
  world.loop.run_ready();
  EXPECT_EQ(received.size(), 10'000u);
}

TEST(TlsTest, ReaderThatStopsAndWantsAgain) {
  World world;
  auto [client, server] = world.connect();
  client->write(std::string(10'000, 'x'));
  RawPeer peer(std::move(server));
  peer.set_reading(false);
  world.loop.run_ready();
  size_t callbacks = peer.callbacks();
  world.loop.advance(hours(1));
  EXPECT_EQ(peer.callbacks(), callbacks);  // nothing spins
  peer.set_reading(true);
  world.loop.run_ready();
  EXPECT_EQ(peer.take().size(), 10'000u);
}

TEST(TlsTest, WriterIsBlockedUntilTheReaderReads) {
  World world({.capacity = 5000});
  auto [client, server] = world.connect();
  std::mt19937_64 random(3);
  std::string text = random_bytes(random, 200'000);
  RawPeer writer(std::move(client));
  RawPeer reader(std::move(server));
  reader.set_reading(false);
  writer.send(text);
  world.loop.run_ready();  // ends: a blocked writer does not spin
  EXPECT_EQ(reader.take(), "");
  reader.set_reading(true);
  world.loop.run_ready();
  EXPECT_TRUE(reader.take() == text);
}

TEST(TlsTest, CloseNotifyIsTheEnd) {
  World world;
  auto [client, server] = world.connect();
  RawPeer a(std::move(client)), b(std::move(server));
  a.send("bye");
  a.end();
  world.loop.run_ready();
  EXPECT_EQ(b.take(), "bye");
  EXPECT_TRUE(b.saw_end());
  EXPECT_FALSE(b.failed());
  b.send("late");  // the other direction is still open
  world.loop.run_ready();
  EXPECT_EQ(a.take(), "late");
  b.close();
  world.loop.run_ready();
  EXPECT_TRUE(a.saw_end());
}

TEST(TlsTest, PeerThatVanishesIsAnEndToo) {
  World world;
  size_t budget = 1'000'000;
  world.client_end = std::make_unique<ringside::testing::CutStream>(std::move(world.client_end), budget);
  auto [client, server] = world.connect();
  RawPeer peer(std::move(server));
  // No close_notify: the bytes end in the middle.
  while (client->write(std::string(10'000, 'x')).status == IoStatus::kOk) world.loop.run_ready();
  client.reset();
  world.loop.run_ready();
  EXPECT_TRUE(peer.saw_end());
  EXPECT_FALSE(peer.failed());
}

TEST(TlsTest, WriteToAVanishedPeerIsDisconnected) {
  World world;
  auto [client, server] = world.connect();
  server.reset();
  world.loop.run_ready();
  IoResult result;
  for (int i = 0; i < 3 && result.status != IoStatus::kError; ++i) result = client->write("x");
  EXPECT_EQ(result.status, IoStatus::kError);
  EXPECT_EQ(client->error().kind, ErrorKind::kDisconnected);
}

TEST(TlsTest, TamperedBytesAreAnError) {
  World world;
  struct Tamper : ByteStream {
    explicit Tamper(std::unique_ptr<ByteStream> inner_stream) : inner(std::move(inner_stream)) {}
    IoResult read(std::span<char> buffer) override { return inner->read(buffer); }
    IoResult write(std::string_view bytes) override {
      std::string changed(bytes);
      if (active) changed.back() = char(changed.back() ^ 1);
      return inner->write(changed);
    }
    void shut_down_write() override { inner->shut_down_write(); }
    void set_ready_callback(ReadyCallback callback) override { inner->set_ready_callback(std::move(callback)); }
    void want(bool read, bool write) override { inner->want(read, write); }
    const Error& error() const override { return inner->error(); }
    std::unique_ptr<ByteStream> inner;
    bool active = false;
  };
  auto tamper = std::make_unique<Tamper>(std::move(world.client_end));
  Tamper& switched = *tamper;
  world.client_end = std::move(tamper);
  auto [client, server] = world.connect();
  switched.active = true;
  client->write("hello");
  RawPeer peer(std::move(server));
  world.loop.run_ready();
  EXPECT_TRUE(peer.failed());
  EXPECT_EQ(peer.take(), "");
}

TEST(TlsTest, CertificatesThatAreNotWhatTheyShouldBe) {
  struct Case {
    std::string what;
    std::string ca_pem, name;
    CertificateAndKey identity;
    std::string message;
  };
  auto other = make_ca("other", kNow, hours(24)).value();
  auto expired = issue_serving_certificate(ca(), {"api.example"}, kNow - hours(48), hours(1)).value();
  const Case cases[] = {
      {"wrong CA", other.certificate_pem, "api.example", leaf(), "not trusted"},
      {"wrong name", ca().certificate_pem, "other.example", leaf(), "ostname mismatch"},
      {"wrong address", ca().certificate_pem, "127.0.0.2", leaf(), "IP address mismatch"},
      {"expired", ca().certificate_pem, "api.example", expired, "expired"},
      {"no name", ca().certificate_pem, "", leaf(), "name"},
  };
  for (const Case& c : cases) {
    World world;
    world.client_context = TlsClientContext::create(TlsClientOptions{.ca_pem = c.ca_pem}).value();
    world.server_context = TlsServerContext::create(c.identity, {"h2"}).value();
    auto [client, server] = world.shake_hands(c.name);
    ASSERT_FALSE(client) << c.what;
    EXPECT_EQ(client.error().kind, ErrorKind::kInvalid) << c.what;
    EXPECT_THAT(client.error().message, HasSubstr(c.message));
    ASSERT_FALSE(server) << c.what;
    EXPECT_EQ(server.error().kind, ErrorKind::kDisconnected) << c.what << server.error().message;
  }
}

TEST(TlsTest, WhatIsTrustedNeedNotBeSelfSigned) {
  CertificateAndKey signed_by_ca = leaf();
  World world;
  world.client_context = TlsClientContext::create(TlsClientOptions{.ca_pem = signed_by_ca.certificate_pem}).value();
  world.server_context = TlsServerContext::create(signed_by_ca, {"h2"}).value();
  auto [client, server] = world.shake_hands();
  EXPECT_TRUE(client) << client.error().message;
}

TEST(TlsTest, AddressesAndInsecureClients) {
  for (std::string name : {"127.0.0.1", "::1", "api.example"}) {
    World world;
    EXPECT_TRUE(world.shake_hands(name).first) << name;
  }
  World world;
  world.client_context = TlsClientContext::create(TlsClientOptions{.ca_pem = {}, .insecure_skip_verify = true}).value();
  EXPECT_TRUE(world.shake_hands("whatever.example").first);
}

TEST(TlsTest, Alpn) {
  struct Case {
    std::vector<std::string> client, server;
    std::optional<std::string> agreed;
  };
  const Case cases[] = {
      {{"h2"}, {"h2", "http/1.1"}, "h2"},
      {{"http/1.1", "h2"}, {"h2", "http/1.1"}, "h2"},
      {{"http/1.1"}, {"h2", "http/1.1"}, "http/1.1"},
      {{}, {"h2"}, ""},
      {{"h2"}, {"http/1.1"}, std::nullopt},
  };
  for (const Case& c : cases) {
    World world;
    world.client_context =
        TlsClientContext::create(TlsClientOptions{.ca_pem = ca().certificate_pem, .alpn = c.client}).value();
    world.server_context = TlsServerContext::create(leaf(), c.server).value();
    auto [client, server] = world.shake_hands();
    EXPECT_EQ(client.has_value(), c.agreed.has_value());
    EXPECT_EQ(server.has_value(), c.agreed.has_value());
    if (!c.agreed) continue;
    EXPECT_EQ(client->alpn, *c.agreed);
    EXPECT_EQ(server->alpn, *c.agreed);
  }
}

TEST(TlsTest, PeerThatGoesAwayDuringTheHandshakeAtAnyByte) {
  for (size_t budget = 0; budget < 3000; budget = budget * 2 + 1) {
    for (bool of_client : {false, true}) {
      World world;
      auto& end = of_client ? world.client_end : world.server_end;
      end = std::make_unique<ringside::testing::CutStream>(std::move(end), budget);
      Started client(world.loop,
                     tls_connect(world.loop, std::move(world.client_end), *world.client_context, "api.example"));
      Started server(world.loop, tls_accept(world.loop, std::move(world.server_end), *world.server_context));
      world.loop.run_ready();
      ASSERT_TRUE(client.done() && server.done()) << budget;
      for (auto* result : {&client.result(), &server.result()}) {
        if (*result) continue;  // the client is done before the server
        EXPECT_EQ(result->error().kind, ErrorKind::kDisconnected) << budget << ": " << result->error().message;
        EXPECT_THAT(result->error().message, ::testing::Not(HasSubstr("unknown"))) << budget;
      }
      if (budget < 1000) EXPECT_FALSE(client.result() && server.result());
    }
  }
}

TEST(TlsTest, CancelledHandshake) {
  World world({.capacity = 10});
  auto client = std::make_unique<Started<Result<TlsConnection>>>(
      world.loop, tls_connect(world.loop, std::move(world.client_end), *world.client_context, "api.example"));
  Started server(world.loop, tls_accept(world.loop, std::move(world.server_end), *world.server_context));
  auto later = world.loop.post([&] { client.reset(); });
  world.loop.run_ready();
  ASSERT_TRUE(server.done());
  EXPECT_FALSE(server.result());
}

TEST(TlsTest, ReplacedIdentityIsUsedFromTheNextHandshakeOn) {
  World world;
  auto [client, server] = world.connect();
  auto renewed = issue_serving_certificate(ca(), {"renewed.example"}, kNow, hours(24)).value();
  ASSERT_TRUE(world.server_context->replace(renewed));
  RawPeer a(std::move(client)), b(std::move(server));
  a.send("still here");
  world.loop.run_ready();
  EXPECT_EQ(b.take(), "still here");
  std::tie(world.client_end, world.server_end) = make_pipe(world.loop);
  EXPECT_TRUE(world.shake_hands("renewed.example").first);

  EXPECT_FALSE(world.server_context->replace({"garbage", "garbage"}));
  std::tie(world.client_end, world.server_end) = make_pipe(world.loop);
  EXPECT_TRUE(world.shake_hands("renewed.example").first);
}

TEST(TlsTest, ContextGoneWhileConnected) {
  World world;
  auto [client, server] = world.connect();
  world.client_context.reset();
  world.server_context.reset();
  RawPeer a(std::move(client)), b(std::move(server));
  a.send("x");
  world.loop.run_ready();
  EXPECT_EQ(b.take(), "x");
}

TEST(TlsTest, IdentitiesAndAuthoritiesThatDoNotParse) {
  auto good = leaf();
  auto other = leaf();
  for (const CertificateAndKey& bad :
       {CertificateAndKey{}, CertificateAndKey{"x", good.key_pem}, CertificateAndKey{good.certificate_pem, "x"},
        CertificateAndKey{good.certificate_pem, other.key_pem}}) {
    auto server = TlsServerContext::create(bad, {"h2"});
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().kind, ErrorKind::kInvalid);
    EXPECT_FALSE(server.error().message.empty());
  }
  for (std::string pem : {std::string(), std::string("x"), good.key_pem}) {
    EXPECT_EQ(TlsClientContext::create(TlsClientOptions{.ca_pem = pem}).error().kind, ErrorKind::kInvalid);
  }
  TlsClientOptions half{.ca_pem = ca().certificate_pem, .identity = {good.certificate_pem, ""}};
  EXPECT_THAT(TlsClientContext::create(half).error().message, HasSubstr("client certificate"));
}

TEST(TlsTest, ChainIsServedWholeOrNotAtAll) {
  CertificateAndKey identity = leaf();
  identity.certificate_pem += ca().certificate_pem;
  EXPECT_TRUE(TlsServerContext::create(identity, {"h2"}));
  identity.certificate_pem += ringside::testing::kWeakCertificate;
  auto server = TlsServerContext::create(identity, {"h2"});
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(server.error().message, HasSubstr("certificate chain"));
}

TEST(TlsTest, StreamDestroyedFromItsOwnCallback) {
  World world;
  auto [client, server] = world.connect();
  client->write(std::string(1000, 'x'));
  server->set_ready_callback([&](bool, bool) { server.reset(); });
  server->want(true, true);
  world.loop.run_ready();
  EXPECT_FALSE(server);
}

TEST(TlsTest, NudgesAreReadByThePeersProcessAndByNobodyAboveIt) {
  World world;
  auto [client, server] = world.shake_hands();
  ASSERT_TRUE(client && server);
  ByteStream& here = *server->stream;
  RawPeer peer(std::move(client->stream));
  world.loop.run_ready();
  uint64_t before = here.peer_reading().value().read;
  peer.set_reading(false);
  ASSERT_TRUE(here.nudge(false));
  world.loop.run_ready();
  EXPECT_EQ(here.peer_reading()->read, before);
  EXPECT_GT(here.peer_reading()->unread, 0u);
  peer.set_reading(true);
  int in_a_row = 1;
  for (bool in_doubt : {false, true}) {
    int before_these = in_a_row;
    for (; here.nudge(in_doubt); ++in_a_row) {
      ASSERT_LT(in_a_row, 16) << "Go's library would give up";
      world.loop.run_ready();
      ASSERT_EQ(here.peer_reading()->unread, 0u);
    }
    EXPECT_GT(in_a_row, before_these + 4);
  }
  EXPECT_GT(here.peer_reading()->read, before);
  EXPECT_EQ(peer.take(), "");
  EXPECT_FALSE(peer.failed());
  ASSERT_EQ(here.write("after it").status, IoStatus::kOk);
  peer.send("and back");
  world.loop.run_ready();
  EXPECT_EQ(peer.take(), "after it");
  std::array<char, 100> buffer;
  IoResult result = here.read(buffer);
  EXPECT_EQ(std::string(buffer.data(), result.n), "and back");
  EXPECT_TRUE(here.nudge(false)) << "something was written meanwhile";
}

TEST(TlsTest, NoNudgeBetweenBytesThatAreOnTheirWay) {
  World world({.capacity = 5000});
  auto [client, server] = world.shake_hands();
  ASSERT_TRUE(client && server);
  ByteStream& here = *server->stream;
  RawPeer peer(std::move(client->stream));
  world.loop.run_ready();
  peer.set_reading(false);
  std::string bytes(20'000, 'x');
  ASSERT_EQ(here.write(bytes).status, IoStatus::kWouldBlock);
  EXPECT_FALSE(here.nudge(true));
  peer.set_reading(true);
  world.loop.run_ready();
  size_t written = 0;
  for (IoResult result; written < bytes.size(); written += result.n) {
    result = here.write(std::string_view(bytes).substr(written));
    world.loop.run_ready();
  }
  EXPECT_EQ(peer.take(), bytes);
}

}  // namespace
}  // namespace ringside::net
