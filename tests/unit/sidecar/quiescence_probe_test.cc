#include "sidecar/quiescence_probe.h"

#include <unistd.h>

#include <gtest/gtest.h>

#include <fstream>

#include "event/async.h"
#include "event/simulated_loop.h"
#include "net/pipe.h"
#include "tests/support/raw_peer.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;
using testing::RawPeer;

constexpr std::string_view kIdle = "controller_runtime_active_workers{controller=\"a\"} 0\n";
constexpr std::string_view kBusy = "controller_runtime_active_workers{controller=\"a\"} 1\n";

class QuiescenceProbeTest : public ::testing::Test {
 protected:
  explicit QuiescenceProbeTest() { make("http://127.0.0.1:8080/metrics"); }

  void make(std::string_view url, std::string token_file = {}) {
    QuiescenceProbe::Options options{.url = http::parse_url(url).value(), .token_file = std::move(token_file)};
    QuiescenceProbe::Listener listener{.on_scrape = [this] { ++scrapes_; },
                                       .on_expected = [this](bool expected) { expected_ = expected; },
                                       .on_proof = [this](TimePoint proof) { proof_ = proof; }};
    probe_ = std::make_unique<QuiescenceProbe>(loop_, Logger(), options, [this] { return connect(); }, listener);
  }

  event::Task<Result<std::unique_ptr<net::ByteStream>>> connect() {
    ++dials_;
    if (refuse_) co_return failure(ErrorKind::kRefused, "connection refused");
    auto [client, server] = net::make_pipe(loop_);
    peer_ = std::make_unique<RawPeer>(std::move(server));
    co_return std::move(client);
  }

  void answer(std::string_view body, int status = 200) {
    ASSERT_TRUE(peer_);
    request_ = peer_->take();
    peer_->send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + std::string(body));
    peer_->end();
    loop_.run_ready();
  }

  void want() {
    probe_->set_wanted(true);
    loop_.run_ready();
  }

  event::SimulatedLoop loop_;
  bool refuse_ = false;
  int dials_ = 0, scrapes_ = 0;
  std::unique_ptr<RawPeer> peer_;
  std::string request_;
  std::optional<bool> expected_;
  std::optional<TimePoint> proof_;
  std::unique_ptr<QuiescenceProbe> probe_;
};

TEST_F(QuiescenceProbeTest, AsksNothingWhileNothingWaits) {
  loop_.advance(1min);
  EXPECT_EQ(dials_, 0);
  want();
  EXPECT_EQ(dials_, 1);
  answer(kIdle);
  probe_->set_wanted(false);
  loop_.advance(1min);
  EXPECT_EQ(dials_, 1);
}

TEST_F(QuiescenceProbeTest, ProvesTheMomentAtWhichItAsked) {
  want();
  EXPECT_EQ(expected_, true) << "until it is known to fail";
  TimePoint sent = loop_.now();
  loop_.advance(50ms);
  answer(kIdle);
  EXPECT_EQ(proof_, sent);
  EXPECT_TRUE(request_.starts_with("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n")) << request_;
  EXPECT_EQ(request_.find("uthorization"), std::string::npos);
}

TEST_F(QuiescenceProbeTest, AsksAgainEvery100MillisecondsOneAtATime) {
  want();
  answer(kBusy);
  EXPECT_EQ(proof_, std::nullopt);
  loop_.advance(99ms);
  EXPECT_EQ(dials_, 1);
  loop_.advance(1ms);
  EXPECT_EQ(dials_, 2);
  loop_.advance(500ms);
  EXPECT_EQ(dials_, 2) << "the answer is still to come";
  answer(kIdle);
  EXPECT_EQ(proof_, loop_.now() - 500ms);
}

TEST_F(QuiescenceProbeTest, TellsBeforeItAsks) {
  refuse_ = true;
  want();
  EXPECT_EQ(scrapes_, 1);
  loop_.advance(1min);
  EXPECT_EQ(scrapes_, dials_);
}

TEST_F(QuiescenceProbeTest, SparesAControllerWhoseMetricsTakeLong) {
  want();
  loop_.advance(50ms);
  answer(kBusy);
  loop_.advance(199ms);
  EXPECT_EQ(dials_, 1);
  loop_.advance(1ms);
  EXPECT_EQ(dials_, 2);
  loop_.advance(500ms);
  answer(kBusy);
  loop_.advance(249ms);
  EXPECT_EQ(dials_, 2);
  loop_.advance(1ms);
  EXPECT_EQ(dials_, 3) << "but objects wait";
}

TEST_F(QuiescenceProbeTest, ObjectsThatComeOneByOneDoNotMakeItAskMoreOften) {
  want();
  answer(kIdle);
  probe_->set_wanted(false);
  want();
  EXPECT_EQ(dials_, 1);
  EXPECT_EQ(expected_, true);
  loop_.advance(100ms);
  EXPECT_EQ(dials_, 2);
}

TEST_F(QuiescenceProbeTest, WithoutAnAnswerTheWindowIsUsed) {
  want();
  loop_.advance(1s);
  EXPECT_EQ(expected_, false);
  loop_.advance(29s);
  EXPECT_EQ(dials_, 1);
  loop_.advance(1s);
  EXPECT_EQ(dials_, 2) << "rarely tried again";
  answer(kIdle);
  EXPECT_EQ(expected_, true);
}

TEST_F(QuiescenceProbeTest, WhatCannotBeReadIsNoProof) {
  for (auto [status, body] : {std::pair(200, "go_goroutines 1\n"), std::pair(401, ""), std::pair(403, ""),
                              std::pair(404, ""), std::pair(500, kIdle.data())}) {
    make("http://127.0.0.1:8080/metrics");
    want();
    answer(body, status);
    EXPECT_EQ(expected_, false) << status;
    EXPECT_EQ(proof_, std::nullopt) << status;
  }
}

TEST_F(QuiescenceProbeTest, ObjectsThatBeginToWaitAreAReasonToTryAgain) {
  refuse_ = true;
  want();
  EXPECT_EQ(expected_, false);
  for (int i = 0; i < 5; ++i) {
    probe_->set_wanted(false);
    want();
  }
  EXPECT_EQ(dials_, 1) << "not each of them, though";
  EXPECT_EQ(expected_, false) << "nobody waits for what failed";
  refuse_ = false;
  loop_.advance(1s);
  EXPECT_EQ(dials_, 2);
  answer(kIdle);
  EXPECT_EQ(expected_, true);
  EXPECT_TRUE(proof_);
}

TEST_F(QuiescenceProbeTest, CanBeCalledOffAtAnyTime) {
  want();
  probe_->set_wanted(false);
  loop_.run_ready();
  EXPECT_TRUE(peer_->saw_end()) << "the connection is closed";
  want();
  answer(kIdle);
  probe_.reset();
  loop_.advance(1min);
  EXPECT_EQ(dials_, 2);
}

TEST_F(QuiescenceProbeTest, SendsTheTokenOverTlsOnly) {
  std::string path = ::testing::TempDir() + "quiescence-probe-token-" + std::to_string(::getpid());
  std::ofstream(path) << "secret\n";
  make("http://127.0.0.1:8080/metrics", path);
  want();
  answer(kIdle);
  EXPECT_EQ(request_.find("secret"), std::string::npos);
  make("https://127.0.0.1:8443/metrics", path);  // the TLS itself is connect's
  want();
  answer(kIdle);
  EXPECT_NE(request_.find("authorization: Bearer secret\r\n"), std::string::npos) << request_;
  ::unlink(path.c_str());
  probe_->set_wanted(false);
  want();
  loop_.advance(100ms);
  EXPECT_EQ(expected_, false) << "without its token it cannot ask";
}

}  // namespace
}  // namespace ringside::sidecar
