#include "kube/serving_certificate.h"

#include <gtest/gtest.h>

#include "net/x509.h"

namespace ringside::kube {
namespace {

using std::chrono::hours;

constexpr WallTime kNow{std::chrono::seconds(1'790'000'000)};
const std::vector<std::string> kNames = {"sharder.sharding-system.svc"};

CertificateData made_at(WallTime now) {
  return renew_certificate_if_due({}, kNames, now).value().value();
}

TEST(ServingCertificateTest, MakesEverythingFromNothingAndIsContentWithIt) {
  CertificateData data = made_at(kNow);
  EXPECT_TRUE(net::check_serving_certificate(data.serving, data.ca_bundle, kNames));
  EXPECT_FALSE(renew_certificate_if_due(data, kNames, kNow).value());
  EXPECT_FALSE(renew_certificate_if_due(data, kNames, kNow + hours(24 * 59)).value());
}

TEST(ServingCertificateTest, RenewsTheLeafFromTheSameAuthorityAtTwoThirdsOfItsLifetime) {
  CertificateData data = made_at(kNow);
  WallTime later = kNow + hours(24 * 61);
  auto renewed = renew_certificate_if_due(data, kNames, later).value();
  ASSERT_TRUE(renewed);
  EXPECT_EQ(renewed->ca_bundle, data.ca_bundle);
  EXPECT_EQ(renewed->ca.key_pem, data.ca.key_pem);
  EXPECT_NE(renewed->serving.certificate_pem, data.serving.certificate_pem);
  EXPECT_EQ(net::not_after(renewed->serving.certificate_pem).value(), later + hours(24 * 90));
}

TEST(ServingCertificateTest, NewAuthorityIsTrustedBesideTheOneBefore) {
  CertificateData data = made_at(kNow);
  auto renewed = renew_certificate_if_due(data, kNames, kNow + hours(24 * 2500)).value();
  ASSERT_TRUE(renewed);
  EXPECT_TRUE(net::check_serving_certificate(renewed->serving, renewed->ca_bundle, kNames));
  EXPECT_TRUE(net::check_serving_certificate(data.serving, renewed->ca_bundle, kNames));
  EXPECT_FALSE(renew_certificate_if_due(*renewed, kNames, kNow + hours(24 * 2501)).value());
}

TEST(ServingCertificateTest, NewAuthoritySignsNothingBeforeClientsHaveLearnedOfIt) {
  CertificateLifetimes lifetimes{.ca = hours(24 * 100), .serving = hours(24 * 90)};
  CertificateData data = renew_certificate_if_due({}, kNames, kNow, lifetimes).value().value();
  data = renew_certificate_if_due(data, kNames, kNow + hours(24 * 61), lifetimes).value().value();
  WallTime due = kNow + hours(24 * 67);
  auto announced = renew_certificate_if_due(data, kNames, due, lifetimes).value();
  ASSERT_TRUE(announced);
  EXPECT_NE(announced->ca.certificate_pem, data.ca.certificate_pem);
  EXPECT_EQ(announced->ca_bundle, announced->ca.certificate_pem + data.ca.certificate_pem);
  EXPECT_EQ(announced->serving.certificate_pem, data.serving.certificate_pem);

  auto overlap = std::chrono::duration_cast<std::chrono::seconds>(lifetimes.overlap());
  EXPECT_FALSE(
      renew_certificate_if_due(*announced, kNames, due + overlap - std::chrono::seconds(1), lifetimes).value());
  auto used = renew_certificate_if_due(*announced, kNames, due + overlap, lifetimes).value();
  ASSERT_TRUE(used);
  EXPECT_EQ(used->ca_bundle, announced->ca_bundle);
  EXPECT_TRUE(net::check_serving_certificate(used->serving, announced->ca.certificate_pem, kNames));
  EXPECT_FALSE(renew_certificate_if_due(*used, kNames, due + overlap, lifetimes).value());
}

TEST(ServingCertificateTest, ExpiredLeafIsReplacedAtOnceByANewAuthority) {
  CertificateLifetimes lifetimes{.ca = hours(24 * 100), .serving = hours(24 * 90)};
  CertificateData data = renew_certificate_if_due({}, kNames, kNow, lifetimes).value().value();
  CertificateData renewed = renew_certificate_if_due(data, kNames, kNow + hours(24 * 95), lifetimes).value().value();
  EXPECT_TRUE(net::check_serving_certificate(renewed.serving, renewed.ca.certificate_pem, kNames));
  EXPECT_EQ(renewed.ca_bundle, renewed.ca.certificate_pem + data.ca.certificate_pem);
}

TEST(ServingCertificateTest, LookedAtSeveralTimesWhileClientsLearn) {
  for (auto serving : {std::chrono::seconds(30), std::chrono::seconds(hours(24 * 90))}) {
    CertificateLifetimes lifetimes{.serving = serving};
    EXPECT_GE(lifetimes.overlap(), 5 * lifetimes.poll_period());
    EXPECT_LE(lifetimes.overlap(), Duration(serving) / 6);
  }
  EXPECT_EQ(CertificateLifetimes().poll_period(), std::chrono::minutes(1));
}

TEST(ServingCertificateTest, RenewsTheLeafForANewName) {
  CertificateData data = made_at(kNow);
  auto renewed = renew_certificate_if_due(data, {"127.0.0.1"}, kNow).value();
  ASSERT_TRUE(renewed);
  EXPECT_EQ(renewed->ca_bundle, data.ca_bundle);
}

TEST(ServingCertificateTest, DamageIsRepaired) {
  CertificateData no_ca = made_at(kNow);
  no_ca.ca_bundle = "";
  no_ca.ca.certificate_pem = "";
  CertificateData wrong_ca_key = made_at(kNow);
  wrong_ca_key.ca.key_pem = made_at(kNow).ca.key_pem;
  wrong_ca_key.serving.certificate_pem = "garbage";
  CertificateData no_key = made_at(kNow);
  no_key.serving.key_pem = "";
  for (const CertificateData& damaged : {no_ca, wrong_ca_key, no_key}) {
    auto repaired = renew_certificate_if_due(damaged, kNames, kNow).value();
    ASSERT_TRUE(repaired);
    EXPECT_TRUE(net::check_serving_certificate(repaired->serving, repaired->ca_bundle, kNames));
    EXPECT_FALSE(renew_certificate_if_due(*repaired, kNames, kNow).value());
  }
}

TEST(ServingCertificateTest, SecretBringsItBack) {
  CertificateData data = made_at(kNow);
  data = renew_certificate_if_due(data, kNames, kNow + hours(24 * 2500)).value().value();  // a bundle of two
  CertificateData read = parse_secret(to_secret(data));
  EXPECT_EQ(read.ca.certificate_pem, data.ca.certificate_pem);
  EXPECT_EQ(read.ca.key_pem, data.ca.key_pem);
  EXPECT_EQ(read.ca_bundle, data.ca_bundle);
  EXPECT_EQ(read.serving.certificate_pem, data.serving.certificate_pem);
  EXPECT_EQ(read.serving.key_pem, data.serving.key_pem);
  EXPECT_EQ(parse_secret(json::Value()).ca_bundle, "");
}

}  // namespace
}  // namespace ringside::kube
