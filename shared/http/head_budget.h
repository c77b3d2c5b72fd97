// What the connections of a server may hold together of large heads that are not complete: a client that sends them
// slowly, on many connections, would else fill the memory.
#pragma once

#include <cstddef>

namespace ringside::http {

class HeadBudget {
 public:
  // So much of each head is free.
  static constexpr size_t kFree = 64 << 10;

  explicit HeadBudget(size_t max_bytes) : max_bytes_(max_bytes) {}
  HeadBudget(const HeadBudget&) = delete;
  HeadBudget& operator=(const HeadBudget&) = delete;

  // Of one connection, which has one such head at a time. The budget must outlive it; nullptr: there is no limit.
  class Share {
   public:
    explicit Share(HeadBudget* budget) : budget_(budget) {}
    ~Share() { release(); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // The head has so many bytes now. False if there is no room for it; the share stays what it was.
    bool try_hold(size_t head_bytes);
    // It is complete, or given up.
    void release();

   private:
    HeadBudget* budget_;
    size_t held_ = 0;
  };

 private:
  const size_t max_bytes_;
  size_t held_ = 0;  // by all shares
};

}  // namespace ringside::http
