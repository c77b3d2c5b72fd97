// Consistent hashing of objects onto shards (protocol.md, "Hashing").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::ring {

// xxHash64 with seed 0 over the bytes of the text.
uint64_t hash(std::string_view text);

// Which shard owns which key: an immutable snapshot of one set of shards. A value; copies share nothing. The same set
// gives the same ring in every process, whatever the order in which the shards were listed.
//
// Token i of a shard is hash(name + decimal i). A key belongs to the shard of the first token that is not less than
// hash(key), past the last one to the shard of the first. Tokens of two shards can be equal, and with names that end in
// digits they are: "a" + "10" is "a1" + "0". The reference gives such a token to the shard that was added last, so its
// owner depends on the order of a Lease list. Here it always belongs to the shard whose name sorts last (bytewise):
// what the reference does with a list that happens to be sorted.
class Ring {
 public:
  static constexpr size_t kTokensPerShard = 100;

  struct Token {
    uint64_t hash;
    uint32_t shard;  // index into shards()
  };

  // Without a shard; owns nothing.
  Ring() = default;

  // Any order, duplicates are dropped; an empty name is no shard and is dropped too. 100,000 tokens take milliseconds.
  explicit Ring(std::vector<std::string> shards);

  // The shard that owns the key; empty if there is no shard. The view lives as long as the ring it was asked of.
  std::string_view owner(std::string_view key) const;

  // The names of the shards, sorted.
  const std::vector<std::string>& shards() const { return shards_; }
  bool empty() const { return shards_.empty(); }
  bool contains(std::string_view shard) const;

  // All tokens, ascending, kTokensPerShard for each shard; of equal ones the first decides.
  std::span<const Token> tokens() const { return {tokens_.data(), shards_.size() * kTokensPerShard}; }

 private:
  void fill(const std::vector<uint64_t>& hashes);

  std::vector<std::string> shards_;
  // Ascending, and then sentinels that lead back to the first.
  std::vector<Token> tokens_;
  // bucket_begin_[hash >> shift_] is the index of the first token with at least these top bits. Tokens are spread
  // evenly, so it is next to the one that is sought: building and looking up need no search over all.
  std::vector<uint32_t> bucket_begin_;
  int shift_ = 0;
};

}  // namespace ringside::ring
