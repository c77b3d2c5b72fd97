#include "central/fence_settings.h"

#include <gtest/gtest.h>

namespace ringside::central {
namespace {

constexpr const char* kFence = "alpha.sharding.timebertt.dev/fence";
constexpr const char* kLabels = "alpha.sharding.timebertt.dev/label-protection";
constexpr const char* kServiceAccounts = "alpha.sharding.timebertt.dev/fence-serviceaccounts";

TEST(FenceSettingsTest, WithoutAnnotationsTheFenceIsEnforcedAndLabelsAreWarnedAbout) {
  FenceSettings settings = parse_fence_settings({});
  EXPECT_EQ(settings.fence, PolicyMode::kEnforce);
  EXPECT_EQ(settings.label_protection, PolicyMode::kWarn);
  EXPECT_TRUE(settings.serviceaccounts.empty());
  EXPECT_FALSE(settings.problem);
}

TEST(FenceSettingsTest, AnnotationsSetThem) {
  FenceSettings settings =
      parse_fence_settings({{kFence, "warn"}, {kLabels, "enforce"}, {kServiceAccounts, "b/y, a/x,"}});
  EXPECT_EQ(settings.fence, PolicyMode::kWarn);
  EXPECT_EQ(settings.label_protection, PolicyMode::kEnforce);
  EXPECT_EQ(settings.serviceaccounts, (ServiceAccounts{{"a", "x"}, {"b", "y"}}));
  EXPECT_FALSE(settings.problem);
  EXPECT_EQ(parse_fence_settings({{kFence, "off"}, {kLabels, "off"}}).fence, PolicyMode::kOff);
  EXPECT_EQ(parse_fence_settings({{kFence, "off"}, {kLabels, "off"}}).label_protection, PolicyMode::kOff);
}

TEST(FenceSettingsTest, AnUnknownValueIsNamedAndTheDefaultHolds) {
  for (const char* name : {kFence, kLabels}) {
    FenceSettings settings = parse_fence_settings({{name, "Enforce"}});
    EXPECT_EQ(settings.fence, PolicyMode::kEnforce);
    EXPECT_EQ(settings.label_protection, PolicyMode::kWarn);
    ASSERT_TRUE(settings.problem);
    EXPECT_EQ(settings.problem->kind, ErrorKind::kInvalid);
    for (const char* part : {name, "'Enforce'", "enforce, warn and off"}) {
      EXPECT_NE(settings.problem->message.find(part), std::string::npos) << settings.problem->message;
    }
  }
}

TEST(FenceSettingsTest, WhatIsNoServiceAccountIsNamedAndTheOthersCount) {
  FenceSettings settings = parse_fence_settings({{kServiceAccounts, "a/x,operator,b/y'"}});
  EXPECT_EQ(settings.serviceaccounts, (ServiceAccounts{{"a", "x"}}));
  ASSERT_TRUE(settings.problem);
  EXPECT_NE(settings.problem->message.find("'operator' is no <namespace>/<name>"), std::string::npos);
  EXPECT_NE(settings.problem->message.find(kServiceAccounts), std::string::npos);
}

TEST(FenceSettingsTest, TheTextOfServiceAccountsIsSortedAndReadBack) {
  ServiceAccounts serviceaccounts = {{"b", "y"}, {"a", "x"}};
  EXPECT_EQ(to_string(serviceaccounts), "a/x,b/y");
  EXPECT_EQ(parse_serviceaccounts("a/x,b/y"), serviceaccounts);
  EXPECT_EQ(to_string(ServiceAccounts()), "");
  EXPECT_TRUE(parse_serviceaccounts("").empty());
}

}  // namespace
}  // namespace ringside::central
