// Whether the controller's watches of a resource can have missed nothing lately.
#pragma once

#include <cstddef>
#include <map>

#include "base/clock.h"
#include "event/loop.h"
#include "kube/meta.h"

namespace ringside::sidecar {

// A watch that ends takes with it what was on its way; the one after it, or the list before that, brings it, but not at
// once: where the API server was away, other requests of the controller may be answered before.
//
// Memory: one entry for each resource that was watched.
class WatchContinuity {
 public:
  explicit WatchContinuity(event::Loop& loop) : loop_(loop) {}
  WatchContinuity(const WatchContinuity&) = delete;
  WatchContinuity& operator=(const WatchContinuity&) = delete;

  // A watch that the API server has begun to answer. Destruction ends it; the WatchContinuity must outlive it.
  class Open {
   public:
    Open(WatchContinuity& continuity, const kube::GroupResource& resource);
    ~Open();
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;

   private:
    WatchContinuity& continuity_;
    kube::GroupResource resource_;
  };

  // Whether none of its watches has begun or ended for that long, and as many are open as were at a time: those that
  // ended are open again. For twenty seconds after a change; a controller that still has fewer then wants no more. True
  // of what was never watched.
  bool unbroken_for(Duration duration, const kube::GroupResource& resource) const;

 private:
  struct Watches {
    size_t open = 0;
    size_t most = 0;  // open at a time, since they last were what they are for long
    TimePoint changed = {};
  };
  void change(const kube::GroupResource& resource, int by);

  event::Loop& loop_;
  std::map<kube::GroupResource, Watches> watches_;
};

}  // namespace ringside::sidecar
