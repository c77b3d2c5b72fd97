#include "sidecar/read_filters.h"

#include <gtest/gtest.h>

#include <string>

namespace ringside::sidecar {
namespace {

TEST(ReadFiltersTest, WhatWasListedUnderAnotherFilterIsStaleUntilItIsListedAgain) {
  ReadFilters filters;
  EXPECT_FALSE(filters.is_stale("/api/v1/secrets", true)) << "never listed";
  filters.begun("/api/v1/secrets", false);
  EXPECT_FALSE(filters.is_stale("/api/v1/secrets", false));
  EXPECT_TRUE(filters.is_stale("/api/v1/secrets", true));
  EXPECT_TRUE(filters.is_stale("/api/v1/secrets", true)) << "asking does not change it";
  EXPECT_FALSE(filters.is_stale("/api/v1/configmaps", true));
  filters.begun("/api/v1/secrets", true);
  EXPECT_FALSE(filters.is_stale("/api/v1/secrets", true));
  EXPECT_TRUE(filters.is_stale("/api/v1/secrets", false));
}

TEST(ReadFiltersTest, IsBounded) {
  ReadFilters filters;
  for (int i = 0; i < 2000; ++i) filters.begun("/api/v1/namespaces/n" + std::to_string(i) + "/secrets", true);
  EXPECT_EQ(filters.size(), 1000u);
  filters.begun("/api/v1/namespaces/n0/secrets", false);
  EXPECT_TRUE(filters.is_stale("/api/v1/namespaces/n0/secrets", true)) << "those that are known stay so";
}

}  // namespace
}  // namespace ringside::sidecar
