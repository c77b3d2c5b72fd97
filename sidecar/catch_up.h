// Whether a controller has in its caches what came to its shard.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "kube/client.h"
#include "kube/meta.h"
#include "sidecar/watch_continuity.h"

namespace ringside::sidecar {

// An object and its children come by different watches, and a controller that was stopped or starved may be told of one
// before the other. So where an owner has come within the last 20 s, what the controller wants to do to its children is
// refused at first; half a second after that it knows, unless its watches are broken (WatchContinuity).
//
// The API server says when it began to write the owner's label. How long that took nobody knows, with webhooks that do
// not answer some seconds, and so a first refusal counts, by our own clock.
class CatchUp {
 public:
  // All must outlive it. `shard_label` is that of the ring.
  CatchUp(kube::Client& client, const WatchContinuity& watches, std::string shard_label)
      : client_(client), watches_(watches), shard_label_(std::move(shard_label)) {}

  enum class Gap {
    kArrival,  // the owner has come
    kOther,    // what the caller knows of
  };

  // Why the controller may not know yet what the watches of `awaited` bring of this owner, as it was just read; nullopt
  // if it does. `other`: when something else happened to its children that the controller may not know.
  std::optional<Gap> gap(const std::string& uid, const json::Value& owner, const kube::GroupResource& awaited,
                         std::optional<TimePoint> other = std::nullopt);

  // How long ago it came, by the API server's own time; nullopt: it has its shard from its creation on, and so have its
  // children, or that time is not known.
  std::optional<Duration> arrived_ago(const json::Value& owner) const;

  // It has come so lately that gap() may find one for that.
  bool has_just_come(const json::Value& owner) const;

  // The same as gap() from memory, while nothing can have changed yet: nullopt if that is not so.
  std::optional<Gap> gap_until_now(const std::string& uid) const;

  // When this owner was first refused for what gap() last saw; nullopt if it was not, or that is forgotten.
  std::optional<TimePoint> first_refusal(const std::string& uid) const;

 private:
  struct Arrival {
    std::optional<WallTime> handed_over;
    std::optional<TimePoint> other;
    bool operator==(const Arrival&) const = default;
  };
  struct Refusal {
    Arrival arrival;
    TimePoint first;
    Gap gap;
  };

  // When the shard label was last written by central or a sidecar; nullopt if never.
  std::optional<WallTime> handed_over(const json::Value& owner) const;

  kube::Client& client_;
  const WatchContinuity& watches_;
  std::string shard_label_;
  std::map<std::string, Refusal> refused_;  // by the owner's UID
};

}  // namespace ringside::sidecar
