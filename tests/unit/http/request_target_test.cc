#include "http/request_target.h"

#include <gtest/gtest.h>

#include <string>

namespace ringside::http {
namespace {

TEST(RequestTargetTest, HasOneOfFourForms) {
  struct Case {
    std::string method, target;
    std::optional<std::string> authority;
    std::string path;
  };
  const Case cases[] = {
      {"GET", "/", std::nullopt, "/"},
      {"GET", "/a?b#c", std::nullopt, "/a?b#c"},
      {"GET", "//a/b", std::nullopt, "//a/b"},
      {"GET", "https://a/b?c=%2F%zz", "a", "/b?c=%2F%zz"},
      {"GET", "HTTP://a:80//b/../c", "a:80", "//b/../c"},
      {"GET", "https://[::1]:6443/b", "[::1]:6443", "/b"},
      {"GET", "https://user:word@a/b", "user:word@a", "/b"},
      {"GET", "https://a:/b", "a:", "/b"},
      {"GET", "x+y-1.0://a/b", "a", "/b"},
      {"GET", "https:///b", std::nullopt, "/b"},
      {"GET", "https:/b", std::nullopt, "/b"},
      {"GET", "https://a", "a", ""},
      {"GET", "https://a?b=/c", "a", ""},
      {"GET", "https://", std::nullopt, ""},
      {"GET", "mailto:a", std::nullopt, ""},
      {"OPTIONS", "*", std::nullopt, "*"},
      {"GET", "*", std::nullopt, "*"},
      {"CONNECT", "a:443", "a:443", ""},
      {"CONNECT", "https://a/b", "https:", ""},
      {"CONNECT", "/a", std::nullopt, "/a"},
  };
  for (const Case& c : cases) {
    auto target = parse_request_target(c.method, c.target);
    ASSERT_TRUE(target) << c.target;
    EXPECT_EQ(target->authority, c.authority) << c.target;
    EXPECT_EQ(target->path, c.path) << c.target;
  }
}

TEST(RequestTargetTest, OrNone) {
  for (const char* target : {"", "a", "a/b", "?a", "://a/b", "1x://a/b", "a b:/c", "https://a:x/b", "https://a:1x/b",
                             "https://[::1/b", "https://[::1]x/b", "https://::1/b", "https://a%41/b", "https://a]/b"}) {
    EXPECT_FALSE(parse_request_target("GET", target)) << target;
  }
  for (const char* target : {"a:b", "a:b/c", "[::1"}) {
    EXPECT_FALSE(parse_request_target("CONNECT", target)) << target;
  }
}

}  // namespace
}  // namespace ringside::http
