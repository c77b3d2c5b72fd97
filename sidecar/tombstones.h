// Objects that were handed over and stay fenced here for a while.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/clock.h"
#include "sidecar/object_ref.h"
#include "sidecar/wake.h"

namespace ringside::sidecar {

// A controller may answer "the object is gone from my cache" with clean-up, which must not hit what another shard owns.
// A tombstone ends
//   - when a live metadata read shows that the object is this shard's again, or gone;
//   - after `keep`: by then the controller's last retry of a reconcile that saw the object leave is over (client-go's
//     work queues retry after at most 1,000 s), and a write that came all the same is refused by the API server's
//     fence, which knows the object's shard at every moment;
//   - before that, oldest first, when there are too many; the API server's fence stands in then.
// Live reads are made only when the controller tries to write (or the object seems to be draining again), one at a time
// for each object and at most one per `read_interval`.
class Tombstones {
 public:
  struct Options {
    Duration keep = std::chrono::minutes(20);
    size_t max_objects = 50'000;  // tombstones and their children; some 300 bytes for each
    Duration read_interval = std::chrono::seconds(1);
  };

  explicit Tombstones(Options options) : options_(options) {}

  void add(const ObjectRef& object, size_t children, TimePoint now);
  void erase(const ObjectRef& object);
  bool contains(const ObjectRef& object) const { return entries_.contains(object); }
  // Removes those whose time is over or that are too many, and returns them.
  std::vector<ObjectRef> expire(TimePoint now);

  // Asks for a live read of a tombstone or of a child of one. `newer`: of a read that begins from now on, since a watch
  // event may be newer than the answer to one under way.
  void want_read(const ObjectRef& object, bool newer = false);
  // At most `limit` reads that are due, which are then taken to be under way until read_done().
  std::vector<ObjectRef> take_reads(TimePoint now, size_t limit);
  // False if a newer read is wanted, which will be due: this one decides nothing.
  bool read_done(const ObjectRef& object, TimePoint now);

  // When expire() or take_reads() has something again.
  void add_wakes(Wake& wake) const;

 private:
  struct Entry {
    uint64_t order = 0;
    TimePoint since;
    size_t weight = 1;
  };
  struct Read {
    bool wanted = false;
    bool asked = false;
    bool newer = false;
    TimePoint not_before = TimePoint::min();
  };

  Options options_;
  std::map<ObjectRef, Entry> entries_;
  std::map<uint64_t, ObjectRef> by_age_;
  std::map<ObjectRef, Read> reads_;
  size_t weight_ = 0;
  uint64_t next_order_ = 0;
};

}  // namespace ringside::sidecar
