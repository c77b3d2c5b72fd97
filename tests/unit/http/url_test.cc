#include "http/url.h"

#include <gtest/gtest.h>

namespace ringside::http {
namespace {

TEST(UrlTest, ReadsItsParts) {
  auto url = parse_url("https://127.0.0.1:8443/metrics?a=b");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "127.0.0.1");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->path, "/metrics?a=b");
  EXPECT_EQ(url->authority(), "127.0.0.1:8443");
}

TEST(UrlTest, HasDefaults) {
  auto plain = parse_url("http://localhost");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->port, 80);
  EXPECT_EQ(plain->path, "/");
  auto tls = parse_url("https://[::1]?x");
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->port, 443);
  EXPECT_EQ(tls->path, "/?x");
  EXPECT_EQ(tls->authority(), "[::1]:443");
}

TEST(UrlTest, KnowsTheLoopbackInterface) {
  for (std::string_view text :
       {"http://127.0.0.1:1", "http://127.8.9.255/x", "http://localhost:1", "https://[::1]:1"}) {
    auto url = parse_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_TRUE(url->is_loopback()) << text;
  }
  for (std::string_view text : {"http://10.0.0.1", "http://127.0.0.1.example", "http://127.0.0", "http://127.0.0.256",
                                "http://localhost.example", "http://[::2]", "http://0.0.0.0", "http://127.1.1.a"}) {
    auto url = parse_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_FALSE(url->is_loopback()) << text;
  }
}

TEST(UrlTest, RefusesWhatIsNone) {
  for (std::string_view text :
       {"", "127.0.0.1:80", "ftp://a", "http://", "http:///path", "http://:80", "http://a:", "http://a:0",
        "http://a:65536", "http://a:x", "http://user@127.0.0.1", "http://127.0.0.1@evil", "http://a b",
        "http://a/\r\nX: y", "http://a/#f", "http://[::1", "http://[]:1", "http://[::1]x", "http://::1:80"}) {
    auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_NE(url.error().message.find("'" + std::string(text) + "'"), std::string::npos);
  }
}

}  // namespace
}  // namespace ringside::http
