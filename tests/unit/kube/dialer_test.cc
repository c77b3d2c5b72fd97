#include "kube/dialer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "event/async.h"
#include "event/libevent_loop.h"
#include "http/server.h"
#include "net/x509.h"
#include "tests/support/run_task.h"

namespace ringside::kube {
namespace {

using ringside::testing::Started;
using std::chrono::hours;
using ::testing::HasSubstr;

// A server that says yes to everything, with a certificate that can be replaced, and a Config for it.
class DialerTest : public ::testing::Test {
 protected:
  DialerTest()
      : file_(std::filesystem::temp_directory_path() / ("ringside-dialer-test-" + std::to_string(::getpid()))),
        tls_(net::TlsServerContext::create(serving(old_ca_), {"h2", "http/1.1"}).value()),
        server_(http::Server::listen(loop_, Logger(), {.address = "127.0.0.1", .port = 0, .tls = tls_},
                                     http::Service(http::Router()))
                    .value()) {
    config_.host = "127.0.0.1";
    config_.port = server_->port();
    config_.tls.ca_pem = old_ca_.certificate_pem;
    config_.ca_file = file_;
    put(old_ca_.certificate_pem);
  }
  ~DialerTest() override { std::filesystem::remove(file_); }

  static WallTime now() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
  static net::CertificateAndKey serving(const net::CertificateAndKey& ca) {
    return net::issue_serving_certificate(ca, {"127.0.0.1"}, now(), hours(24)).value();
  }
  void put(const std::string& pem) { ASSERT_TRUE(write_file_atomically(file_, pem, 0600)); }

  // What a connection fails for, or nothing.
  std::string dial(const http::Dialer& dialer) {
    Started dialing(loop_, event::with_timeout(loop_, std::chrono::seconds(10), "dial", dialer()));
    auto tick = loop_.timer([] {});
    std::unique_ptr<event::TurnEnd> end;
    end = loop_.turn_end([&] {
      if (dialing.done()) return loop_.stop();
      if (!tick->armed()) tick->arm(std::chrono::milliseconds(1));
      end->schedule();
    });
    end->schedule();
    loop_.run();
    return dialing.result() ? "" : dialing.result().error().message;
  }

  // Both have the same name, as those of one cluster do.
  net::CertificateAndKey old_ca_ = net::make_ca("kubernetes", now(), hours(24)).value();
  net::CertificateAndKey new_ca_ = net::make_ca("kubernetes", now(), hours(24)).value();
  event::LibeventLoop loop_;
  std::string file_;
  std::shared_ptr<net::TlsServerContext> tls_;
  std::unique_ptr<http::Server> server_;
  Config config_;
};

TEST_F(DialerTest, AuthoritiesAreThoseThatTheFileHasNow) {
  auto dialer = make_dialer(loop_, Logger(), config_);
  ASSERT_TRUE(dialer) << dialer.error().message;
  EXPECT_EQ(dial(*dialer), "");
  put(old_ca_.certificate_pem + new_ca_.certificate_pem);
  EXPECT_EQ(dial(*dialer), "");
  ASSERT_TRUE(tls_->replace(serving(new_ca_)));
  EXPECT_EQ(dial(*dialer), "");
  put(new_ca_.certificate_pem);
  EXPECT_EQ(dial(*dialer), "");
  ASSERT_TRUE(tls_->replace(serving(old_ca_)));
  EXPECT_THAT(dial(*dialer), HasSubstr("not trusted"));
}

TEST_F(DialerTest, ThoseOfBeforeStayWhileTheFileCannotBeUsed) {
  auto dialer = make_dialer(loop_, Logger(), config_);
  ASSERT_TRUE(dialer) << dialer.error().message;
  put("half a certif");
  EXPECT_EQ(dial(*dialer), "");
  std::filesystem::remove(file_);
  EXPECT_EQ(dial(*dialer), "");
  put(new_ca_.certificate_pem);
  EXPECT_THAT(dial(*dialer), HasSubstr("not trusted"));
}

TEST_F(DialerTest, AuthoritiesThatAreNoFileStay) {
  config_.ca_file.clear();
  auto dialer = make_dialer(loop_, Logger(), config_);
  ASSERT_TRUE(dialer) << dialer.error().message;
  put(new_ca_.certificate_pem);
  EXPECT_EQ(dial(*dialer), "");
}

TEST_F(DialerTest, ProtocolsAreAgreedOn) {
  auto http1 = make_dialer(loop_, Logger(), config_, "http/1.1");
  ASSERT_TRUE(http1) << http1.error().message;
  EXPECT_EQ(dial(*http1), "");
  auto other = make_dialer(loop_, Logger(), config_, "spdy/3.1");
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_NE(dial(*other), "");
}

TEST_F(DialerTest, BadCertificatesAreRefusedAtOnce) {
  config_.tls.ca_pem = "none";
  auto dialer = make_dialer(loop_, Logger(), config_);
  ASSERT_FALSE(dialer);
  EXPECT_THAT(dialer.error().message, HasSubstr("connection to the API server"));
}

}  // namespace
}  // namespace ringside::kube
