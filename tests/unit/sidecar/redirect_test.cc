#include "sidecar/redirect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::sidecar {
namespace {

using ::testing::HasSubstr;

TEST(FindServiceAddress, IsTheKubeletsWhereTheUserHasSetAName) {
  struct Case {
    std::string host, port, kubernetes_port;
    ServiceAddress expected;
  };
  for (const Case& c : {Case{"10.96.0.1", "443", "tcp://10.0.0.1:1", {"10.96.0.1", "443"}},
                        {"fd00::1", "443", "", {"fd00::1", "443"}},
                        {"api.example", "6443", "tcp://10.96.0.1:443", {"10.96.0.1", "443"}},
                        {"api.example", "6443", "tcp://[fd00::1]:443", {"fd00::1", "443"}},
                        {"api.example", "6443", "tcp://api.example:443", {"api.example", "6443"}},
                        {"api.example", "6443", "udp://10.96.0.1:443", {"api.example", "6443"}},
                        {"api.example", "6443", "tcp://10.96.0.1", {"api.example", "6443"}},
                        {"", "", "", {"", ""}}}) {
    EXPECT_EQ(find_service_address(c.host, c.port, c.kubernetes_port), c.expected) << c.host << c.kubernetes_port;
  }
}

TEST(RedirectRules, NameTheServiceAndTheSidecarsUser) {
  auto rules = make_redirect_rules({.service_host = "10.96.0.1", .service_port = 6443, .to_port = 1, .except_uid = 2});
  ASSERT_TRUE(rules);
  EXPECT_THAT(*rules, HasSubstr("meta skuid 2 return\n    ip daddr 10.96.0.1 tcp dport 6443 redirect to :1\n"));
  rules = make_redirect_rules({.service_host = "fd00::1"});
  ASSERT_TRUE(rules);
  EXPECT_THAT(*rules, HasSubstr("meta skuid 16443 return\n    ip6 daddr fd00::1 tcp dport 443 redirect to :16443\n"));
}

TEST(RedirectRules, ReplaceThoseOfAnEarlierRun) {
  auto rules = make_redirect_rules({.service_host = "10.96.0.1"});
  ASSERT_TRUE(rules);
  EXPECT_TRUE(rules->starts_with("table inet ringside\ndelete table inet ringside\ntable inet ringside {\n"));
}

TEST(RedirectRules, RefuseWhatIsNoAddress) {
  for (std::string host : {"", "kubernetes.default.svc", "10.96.0.1/16", "10.96.0.1\n}\ninclude \"/etc/x\"", "[::1]"}) {
    auto rules = make_redirect_rules({.service_host = host});
    ASSERT_FALSE(rules) << host;
    EXPECT_EQ(rules.error().kind, ErrorKind::kInvalid);
  }
}

TEST(RedirectRules, SayWhatKeepsThemFromBeingApplied) {
  Error error = apply_redirect_rules({.service_host = "10.96.0.1", .nft = "/nonexistent/nft"}, "");
  EXPECT_THAT(error.message, HasSubstr("/nonexistent/nft: No such file"));
}

}  // namespace
}  // namespace ringside::sidecar
