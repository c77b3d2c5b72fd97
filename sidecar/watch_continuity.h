// Whether the controller's watches of a resource can have missed nothing lately.
#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "base/clock.h"
#include "event/loop.h"
#include "kube/meta.h"

namespace ringside::sidecar {

// A watch that ends takes with it what was on its way. The one after it brings that, or the list before that one, but
// not at once: where the API server was away, other requests of the controller may be answered before. So a resource is
// broken from the first watch that ends until as many are open as were before, and half a second more; also for half a
// second from the beginning of any other watch.
//
// A controller that opens fewer for a minute wants no more. And one that opens and ends watches all the time, as it
// does its work, is not held up by that: after two minutes nothing counts as broken until they have been quiet.
//
// A sidecar that was restarted alone does not know what the controller watched: that has ended with its predecessor. So
// every resource is broken from its start until the first watch of it is open, and for a minute at most.
//
// Memory: one entry for each resource that was watched.
class WatchContinuity {
 public:
  explicit WatchContinuity(event::Loop& loop) : loop_(loop) {}
  WatchContinuity(const WatchContinuity&) = delete;
  WatchContinuity& operator=(const WatchContinuity&) = delete;

  // There was a sidecar before this one, whose controller may go on with this one. To be called before any watch.
  void take_over() { taken_over_ = loop_.now(); }
  std::optional<TimePoint> taken_over() const { return taken_over_; }

  // A watch of a collection that the API server has begun to answer. Destruction ends it; the WatchContinuity must
  // outlive it.
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

  // For how long it has been broken; zero if it is not. What came before that has reached the controller.
  Duration broken_for(const kube::GroupResource& resource) const;

 private:
  struct Watches {
    size_t open = 0;
    size_t most = 0;  // open at a time, since it was last not broken
    TimePoint changed = {};
    TimePoint broken = {};  // the first change since it was not
  };
  // Since when a resource is broken that was not watched yet; nullopt: it is not.
  std::optional<TimePoint> broken_unseen() const;
  bool is_whole(const Watches& watches) const;
  void change(const kube::GroupResource& resource, int by);

  event::Loop& loop_;
  std::optional<TimePoint> taken_over_;
  std::map<kube::GroupResource, Watches> watches_;
};

}  // namespace ringside::sidecar
