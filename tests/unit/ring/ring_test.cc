#include "ring/ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/file.h"
#include "base/json.h"

namespace ringside::ring {
namespace {

using testing::ElementsAre;

constexpr std::string_view kOwnersField = "ownersOf10000Keys_/Secret/default/foo-0..9999";

// Taken from the reference implementation.
const json::Value& vectors() {
  static const json::Value kVectors = [] {
    auto text = read_file(RINGSIDE_TESTDATA "/ring-vectors.json");
    if (!text) throw std::runtime_error(text.error().message);
    return json::parse(*text).value();
  }();
  return kVectors;
}

std::string hex(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

std::vector<std::string> generated_members(size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    char name[64];
    std::snprintf(name, sizeof name, "checksum-controller-c95c4fdb6-%05zu", i);
    names.emplace_back(name);
  }
  return names;
}

// The members of a vector; large sets are given by a formula in the vector's name.
std::vector<std::string> members_of(const json::Value& vector) {
  std::string_view name = vector.string_at({"name"});
  if (name.starts_with("hundred")) return generated_members(100);
  if (name.starts_with("thousand")) return generated_members(1000);
  std::vector<std::string> names;
  for (const auto& member : vector.array_at({"members"})) names.push_back(*member.as_string());
  return names;
}

bool collides(const json::Value& vector) {
  return vector.string_at({"name"}).starts_with("colliding-names");
}

std::string describe(const Ring& ring, const Ring::Token& token) {
  return hex(token.hash) + " " + ring.shards()[token.shard];
}

// The token that decides about the key, found without the index; empty if there is none.
std::string token_of(const Ring& ring, std::string_view key) {
  if (ring.empty()) return "";
  auto token = std::ranges::lower_bound(ring.tokens(), hash(key), {}, &Ring::Token::hash);
  return hex((token == ring.tokens().end() ? ring.tokens().front() : *token).hash);
}

// How many of 10,000 keys each shard owns.
std::map<std::string, int64_t> owners(const Ring& ring) {
  std::map<std::string, int64_t> counts;
  for (int i = 0; i < 10'000; ++i) ++counts[std::string(ring.owner("/Secret/default/foo-" + std::to_string(i)))];
  return counts;
}

std::map<std::string, int64_t> expected_owners(const json::Value& vector) {
  std::map<std::string, int64_t> counts;
  for (const auto& [shard, count] : *vector.find(kOwnersField)->as_object()) counts[shard] = *count.as_int();
  return counts;
}

TEST(HashTest, EqualsTheVectors) {
  const json::Object& hashes = *vectors().find("xxhash64_seed0")->as_object();
  ASSERT_FALSE(hashes.empty());
  for (const auto& [text, expected] : hashes) EXPECT_EQ(hex(hash(text)), *expected.as_string()) << text;
}

TEST(HashTest, OfAViewOfNothing) {
  EXPECT_EQ(hash({}), hash(""));
}

TEST(HashTest, TokensEqualTheVectors) {
  const json::Array& tokens = vectors().array_at({"tokens"});
  ASSERT_FALSE(tokens.empty());
  for (const auto& vector : tokens) {
    std::string node(vector.string_at({"node"}));
    EXPECT_EQ(hex(hash(vector.string_at({"input"}))), vector.string_at({"hash"}));
    EXPECT_EQ(node + std::to_string(vector.int_at({"index"})), vector.string_at({"input"}));
    Ring ring({node});
    EXPECT_TRUE(std::ranges::any_of(ring.tokens(), [&](auto& token) {
      return hex(token.hash) == vector.string_at({"hash"});
    })) << vector.string_at({"input"});
  }
}

class RingVectorTest : public testing::TestWithParam<size_t> {
 protected:
  const json::Value& vector() const { return vectors().array_at({"rings"})[GetParam()]; }
};

TEST_P(RingVectorTest, Tokens) {
  Ring ring(members_of(vector()));
  auto tokens = ring.tokens();
  ASSERT_EQ(int64_t(tokens.size()), vector().int_at({"tokens"}));
  EXPECT_TRUE(std::ranges::is_sorted(tokens, {}, &Ring::Token::hash));

  const json::Array& first = vector().array_at({"firstTokensSorted"});
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(describe(ring, tokens[i]), *first[i].as_string());
  if (!tokens.empty()) EXPECT_EQ(describe(ring, tokens.back()), vector().string_at({"lastToken"}));

  uint64_t all_xored = 0, sum = 0;
  for (const auto& token : tokens) {
    all_xored ^= token.hash;
    sum += token.hash;
  }
  EXPECT_EQ(hex(all_xored), vector().string_at({"xorOfAllTokens"}));
  EXPECT_EQ(hex(sum), vector().string_at({"sumOfAllTokensMod2e64"}));
}

TEST_P(RingVectorTest, Lookups) {
  Ring ring(members_of(vector()));
  for (const auto& lookup : vector().array_at({"lookups"})) {
    std::string_view key = lookup.string_at({"key"});
    EXPECT_EQ(hex(hash(key)), lookup.string_at({"hash"}));
    EXPECT_EQ(token_of(ring, key), lookup.string_at({"token"})) << key;
    // Which shard a token of both belongs to is the reference's order of insertion: see CollidingNames below.
    if (!collides(vector())) EXPECT_EQ(ring.owner(key), lookup.string_at({"shard"})) << key;
  }
  auto expected = expected_owners(vector());
  if (!collides(vector()) && !expected.empty()) EXPECT_EQ(owners(ring), expected);
}

INSTANTIATE_TEST_SUITE_P(All, RingVectorTest, testing::Range<size_t>(0, vectors().array_at({"rings"}).size()),
                         [](const auto& test) {
                           std::string name(vectors().array_at({"rings"})[test.param].string_at({"name"}));
                           std::erase_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
                           return name.substr(0, 40);
                         });

// Tokens of "a" + "10", "11", ... and "a1" + "0", "1", ... are the same. In the reference the shard that was added last
// owns them, so it gives two answers for one set. We give the one of the sorted list, whatever order we are handed.
TEST(RingTest, CollidingNamesDoNotDependOnTheOrder) {
  for (const auto& vector : vectors().array_at({"rings"})) {
    if (!collides(vector)) continue;
    Ring ring(members_of(vector));
    EXPECT_EQ(owners(ring), (std::map<std::string, int64_t>{{"a", 4547}, {"a1", 5453}}));
    auto members = members_of(vector);
    if (!std::ranges::is_sorted(members)) {
      EXPECT_NE(expected_owners(vector), owners(ring));
      continue;
    }
    EXPECT_EQ(expected_owners(vector), owners(ring));
    for (const auto& lookup : vector.array_at({"lookups"})) {
      EXPECT_EQ(ring.owner(lookup.string_at({"key"})), lookup.string_at({"shard"}));
    }
  }
}

TEST(RingTest, OfEqualTokensTheLastNameIsFirst) {
  Ring ring({"a1", "a"});
  auto shared = std::ranges::adjacent_find(ring.tokens(), {}, &Ring::Token::hash);
  ASSERT_NE(shared, ring.tokens().end());
  EXPECT_EQ(ring.shards()[shared->shard], "a1");
}

TEST(RingTest, StatefulSetNamesCollideToo) {
  std::vector<std::string> names;
  for (int i = 0; i < 15; ++i) names.push_back("op-" + std::to_string(i));
  auto reversed = names;
  std::ranges::reverse(reversed);
  EXPECT_EQ(owners(Ring(names)), owners(Ring(reversed)));
}

TEST(RingTest, SortsAndDropsDuplicatesAndEmptyNames) {
  Ring ring({"b", "", "a", "b"});
  EXPECT_THAT(ring.shards(), ElementsAre("a", "b"));
  EXPECT_EQ(ring.tokens().size(), 2 * Ring::kTokensPerShard);
  EXPECT_TRUE(ring.contains("a"));
  EXPECT_FALSE(ring.contains(""));
  EXPECT_FALSE(ring.contains("c"));
}

TEST(RingTest, WithoutShardsOwnsNothing) {
  EXPECT_EQ(Ring().owner("/Secret/default/foo"), "");
  EXPECT_EQ(Ring({""}).owner("/Secret/default/foo"), "");
  EXPECT_TRUE(Ring().tokens().empty());
  EXPECT_TRUE(Ring().empty());
}

// The definition, without an index.
std::string_view owner_by_definition(const Ring& ring, std::string_view key) {
  auto token = std::ranges::lower_bound(ring.tokens(), hash(key), {}, &Ring::Token::hash);
  return ring.shards()[(token == ring.tokens().end() ? ring.tokens().front() : *token).shard];
}

TEST(RingTest, LookupEqualsTheDefinitionForManyKeys) {
  for (size_t shards : {1, 2, 3, 7, 64, 500}) {
    Ring ring(generated_members(shards));
    for (int i = 0; i < 5'000; ++i) {
      std::string key = "apps/Deployment/ns/" + std::to_string(i);
      ASSERT_EQ(ring.owner(key), owner_by_definition(ring, key)) << key << " of " << shards;
    }
  }
}

TEST(RingTest, ACopyAndAMovedRingKeepTheirNames) {
  auto first = std::make_unique<Ring>(std::vector<std::string>{"a", "b", "c"});
  Ring copy = *first;
  Ring moved = std::move(*first);
  first.reset();
  EXPECT_EQ(copy.owner("/Secret/default/foo"), moved.owner("/Secret/default/foo"));
  EXPECT_NE(copy.owner("/Secret/default/foo"), "");
}

TEST(RingTest, OnlyTheKeysOfALostShardMove) {
  auto names = generated_members(10);
  Ring before(names);
  names.erase(names.begin() + 4);
  Ring after(names);
  for (int i = 0; i < 10'000; ++i) {
    std::string key = "/Secret/default/foo-" + std::to_string(i);
    if (before.owner(key) == "checksum-controller-c95c4fdb6-00004") continue;
    ASSERT_EQ(before.owner(key), after.owner(key)) << key;
  }
}

}  // namespace
}  // namespace ringside::ring
