#include "net/x509.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/weak_certificate.h"

namespace ringside::net {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;

constexpr WallTime kNow{std::chrono::seconds(1'790'000'000)};
const std::vector<std::string> kNames = {"sharder.sharding-system.svc", "127.0.0.1", "::1"};

CertificateAndKey ca(std::string_view name = "ringside-ca") {
  return make_ca(name, kNow, hours(24 * 365)).value();
}

TEST(X509Test, LeafIsSignedCoversItsNamesAndMatchesItsKey) {
  CertificateAndKey authority = ca();
  auto leaf = issue_serving_certificate(authority, kNames, kNow, hours(24));
  ASSERT_TRUE(leaf) << leaf.error().message;
  EXPECT_TRUE(check_serving_certificate(*leaf, authority.certificate_pem, kNames));
  EXPECT_EQ(not_after(leaf->certificate_pem).value(), kNow + hours(24));
  EXPECT_EQ(not_after(authority.certificate_pem).value(), kNow + hours(24 * 365));
}

TEST(X509Test, NameThatIsNotCoveredIsNamed) {
  CertificateAndKey authority = ca();
  auto leaf = issue_serving_certificate(authority, {"a.example"}, kNow, hours(24)).value();
  auto checked = check_serving_certificate(leaf, authority.certificate_pem, {"b.example"});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(checked.error().message, HasSubstr("b.example"));
}

TEST(X509Test, AnotherAuthorityOfTheSameNameDidNotSign) {
  auto leaf = issue_serving_certificate(ca(), kNames, kNow, hours(24)).value();
  auto checked = check_serving_certificate(leaf, ca().certificate_pem, kNames);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("not signed"));
}

TEST(X509Test, BundleOfAuthoritiesIsSearched) {
  CertificateAndKey authority = ca();
  auto leaf = issue_serving_certificate(authority, kNames, kNow, hours(24)).value();
  EXPECT_TRUE(check_serving_certificate(leaf, ca("another").certificate_pem + authority.certificate_pem, kNames));
}

TEST(X509Test, AnotherKeyIsFound) {
  CertificateAndKey authority = ca();
  auto leaf = issue_serving_certificate(authority, kNames, kNow, hours(24)).value();
  leaf.key_pem = issue_serving_certificate(authority, kNames, kNow, hours(24)).value().key_pem;
  EXPECT_FALSE(check_serving_certificate(leaf, authority.certificate_pem, kNames));
}

TEST(X509Test, ChainThatTlsRefusesIsUnsound) {
  CertificateAndKey authority = ca();
  CertificateAndKey leaf = issue_serving_certificate(authority, kNames, kNow, hours(24)).value();
  leaf.certificate_pem += ringside::testing::kWeakCertificate;
  auto checked = check_serving_certificate(leaf, authority.certificate_pem, kNames);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(checked.error().message, HasSubstr("certificate chain"));
}

TEST(X509Test, LeafDoesNotOutliveItsAuthority) {
  CertificateAndKey authority = make_ca("short", kNow, hours(10)).value();
  auto leaf = issue_serving_certificate(authority, kNames, kNow, hours(24)).value();
  EXPECT_EQ(not_after(leaf.certificate_pem).value(), kNow + hours(10));
}

TEST(X509Test, NamesAreTakenAsTheyAre) {
  CertificateAndKey authority = ca();
  auto leaf = issue_serving_certificate(authority, {"a.example,DNS:b.example"}, kNow, hours(24)).value();
  EXPECT_FALSE(check_serving_certificate(leaf, authority.certificate_pem, {"b.example"}));
}

TEST(X509Test, LongNameIsCoveredThoughACommonNameIsShort) {
  CertificateAndKey authority = ca();
  std::string name = std::string(60, 'a') + "." + std::string(60, 'b') + ".svc";
  auto leaf = issue_serving_certificate(authority, {name}, kNow, hours(24));
  ASSERT_TRUE(leaf) << leaf.error().message;
  EXPECT_TRUE(check_serving_certificate(*leaf, authority.certificate_pem, {name}));
}

TEST(X509Test, GarbageIsInvalid) {
  for (std::string text : {"", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    EXPECT_EQ(not_after(text).error().kind, ErrorKind::kInvalid) << text;
    CertificateAndKey garbage{text, text};
    EXPECT_EQ(issue_serving_certificate(garbage, kNames, kNow, hours(1)).error().kind, ErrorKind::kInvalid) << text;
    EXPECT_FALSE(check_serving_certificate(garbage, text, kNames)) << text;
  }
  EXPECT_FALSE(issue_serving_certificate(ca(), {}, kNow, hours(1)));
}

}  // namespace
}  // namespace ringside::net
