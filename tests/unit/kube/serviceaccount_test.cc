#include "kube/serviceaccount.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/base64.h"

namespace ringside::kube {
namespace {

// A token as an API server makes it, with a signature that is none.
std::string token_with(std::string payload) {
  std::string encoded = to_base64(payload);
  std::ranges::replace(encoded, '+', '-');
  std::ranges::replace(encoded, '/', '_');
  while (encoded.ends_with('=')) encoded.pop_back();
  return "eyJhbGciOiJSUzI1NiJ9." + encoded + ".c2ln";
}

TEST(ServiceAccountTest, IsTheSubjectOfItsToken) {
  for (std::string padding : {"", "x", "xx", "xxx", "?>~?>~"}) {
    auto found = serviceaccount_of_token(
        token_with(R"({"iss":")" + padding + R"(","sub":"system:serviceaccount:default:my.operator-0"})"));
    EXPECT_EQ(found, (NamespacedName{"default", "my.operator-0"})) << padding;
  }
}

TEST(ServiceAccountTest, OtherTokensHaveNone) {
  for (std::string token :
       {std::string(), std::string("abc"), std::string("a.b.c"), std::string("a.!!!.c"), token_with("no JSON"),
        token_with("{}"), token_with(R"({"sub":"jane"})"), token_with(R"({"sub":"system:serviceaccount:default"})"),
        token_with(R"({"sub":"system:serviceaccount:a:b:c"})"), token_with(R"({"sub":"system:serviceaccount::b"})"),
        token_with(R"({"sub":"system:serviceaccount:a:b']"})")}) {
    EXPECT_EQ(serviceaccount_of_token(token), std::nullopt) << token;
  }
}

TEST(ServiceAccountTest, NamesAreChecked) {
  EXPECT_EQ(parse_serviceaccount("ns/operator").value(), (NamespacedName{"ns", "operator"}));
  for (const char* text : {"", "operator", "/operator", "ns/", "a/b/c", "ns/Operator", "ns/o'", "ns/a b", "ns/a,b"}) {
    auto parsed = parse_serviceaccount(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(parsed.error().message.find("<namespace>/<name>"), std::string::npos);
  }
  EXPECT_FALSE(parse_serviceaccount("ns/" + std::string(254, 'a')));
}

TEST(ServiceAccountTest, UserName) {
  EXPECT_EQ(serviceaccount_username({"ns", "operator"}), "system:serviceaccount:ns:operator");
}

}  // namespace
}  // namespace ringside::kube
