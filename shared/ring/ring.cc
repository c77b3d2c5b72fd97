#include "ring/ring.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>

namespace ringside::ring {
namespace {

// Tokens that a lookup compares before it branches. The array of tokens has as many sentinels behind it.
constexpr size_t kProbes = 2;
constexpr size_t kMinBuckets = 512;

bool before(const Ring::Token& a, const Ring::Token& b) {
  return a.hash != b.hash ? a.hash < b.hash : a.shard > b.shard;
}

// kTokensPerShard hashes for each name, one name after the other.
std::vector<uint64_t> make_hashes(const std::vector<std::string>& names) {
  static_assert(Ring::kTokensPerShard == 100, "one and two digits");
  std::vector<uint64_t> hashes(names.size() * Ring::kTokensPerShard);
  uint64_t* next = hashes.data();
  std::string input;
  for (const std::string& name : names) {
    input.assign(name).append(2, '0');
    char* digits = input.data() + name.size();
    for (char units = '0'; units <= '9'; ++units) {
      digits[0] = units;
      *next++ = hash({input.data(), name.size() + 1});
    }
    for (char tens = '1'; tens <= '9'; ++tens) {
      digits[0] = tens;
      for (char units = '0'; units <= '9'; ++units) {
        digits[1] = units;
        *next++ = hash({input.data(), name.size() + 2});
      }
    }
  }
  return hashes;
}

// Insertion sort for the few that a bucket holds; names chosen so that their tokens collide get std::sort.
void sort_bucket(Ring::Token* begin, Ring::Token* end) {
  if (end - begin > 16) return std::sort(begin, end, before);
  for (Ring::Token* next = begin + 1; next < end; ++next) {
    Ring::Token token = *next;
    Ring::Token* hole = next;
    for (; hole != begin && before(token, hole[-1]); --hole) *hole = hole[-1];
    *hole = token;
  }
}

}  // namespace

uint64_t hash(std::string_view text) {
  return XXH64(text.data(), text.size(), 0);
}

Ring::Ring(std::vector<std::string> shards) : shards_(std::move(shards)) {
  std::erase(shards_, "");
  std::sort(shards_.begin(), shards_.end());
  shards_.erase(std::unique(shards_.begin(), shards_.end()), shards_.end());
  if (!shards_.empty()) fill(make_hashes(shards_));
}

// One pass of a radix sort by the top bits, then each bucket by itself; the positions are the index for lookups.
void Ring::fill(const std::vector<uint64_t>& hashes) {
  size_t buckets = std::max(kMinBuckets, std::bit_ceil(hashes.size()) / 2);
  shift_ = 64 - std::countr_zero(buckets);
  bucket_begin_.assign(buckets, 0);
  for (uint64_t hash : hashes) ++bucket_begin_[hash >> shift_];
  uint32_t end = 0;
  for (uint32_t& entry : bucket_begin_) entry = end += entry;

  // Filled from its end, a bucket leaves its beginning in bucket_begin_.
  tokens_.resize(hashes.size() + kProbes);
  auto hash = hashes.begin();
  for (uint32_t shard = 0; shard < shards_.size(); ++shard) {
    for (size_t i = 0; i < kTokensPerShard; ++i, ++hash) tokens_[--bucket_begin_[*hash >> shift_]] = {*hash, shard};
  }
  Token* first = tokens_.data();
  for (size_t i = 0; i + 1 < buckets; ++i) sort_bucket(first + bucket_begin_[i], first + bucket_begin_[i + 1]);
  sort_bucket(first + bucket_begin_.back(), first + hashes.size());

  // Not less than any key, and of the first token's shard: so a search needs no check for the end, and wraps.
  std::fill_n(tokens_.end() - kProbes, kProbes, Token{UINT64_MAX, first->shard});
}

std::string_view Ring::owner(std::string_view key) const {
  if (shards_.empty()) return {};
  uint64_t position = hash(key);
  const Token* token = tokens_.data() + bucket_begin_[position >> shift_];
  // Two steps without a branch, which a random key would make the processor mispredict.
  token += int(token[0].hash < position) + int(token[1].hash < position);
  while (token->hash < position) ++token;
  return shards_[token->shard];
}

bool Ring::contains(std::string_view shard) const {
  return std::binary_search(shards_.begin(), shards_.end(), shard);
}

}  // namespace ringside::ring
