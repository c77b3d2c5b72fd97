// The controller's upgraded connections (exec, attach, port-forward, WebSocket watches), as far as Lease and fence
// concern them: a connection into a pod of the ring is a write that lasts, so it ends when the next one would be
// refused.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/metrics.h"
#include "event/loop.h"
#include "sidecar/object_ref.h"

namespace ringside::sidecar {

class Tunnels {
 public:
  struct Rules {
    std::function<bool()> lease_held;
    std::function<bool(const ObjectRef&)> is_fenced;
    // How long a connection may outlast the fence around its object: a handover waits for what is under way, and most
    // of it ends by itself.
    Duration patience = std::chrono::seconds(3);
    Duration period = std::chrono::seconds(1);
  };

  // Takes a connection out of the Tunnels, which must outlive it, on destruction.
  class Handle {
   public:
    Handle(Handle&& other) noexcept;
    Handle& operator=(Handle&& other) noexcept;
    ~Handle();

   private:
    friend class Tunnels;
    Handle(Tunnels& tunnels, uint64_t id) : tunnels_(&tunnels), id_(id) {}
    Tunnels* tunnels_;
    uint64_t id_;
  };

  Tunnels(event::Loop& loop, MetricsRegistry& metrics, Rules rules);

  // A connection into an object of the ring; nullopt: another, which is counted and otherwise left alone. `end` is
  // called once, at most, from check(), when the connection must end; it may destroy the Handle.
  [[nodiscard]] Handle add(std::optional<ObjectRef> object, std::function<void()> end);

  // Ends those that must not go on. Runs by itself once a period; to be called when the Lease may have been lost.
  void check();

 private:
  struct Entry {
    std::optional<ObjectRef> object;
    std::function<void()> end;
    std::optional<TimePoint> fenced_since;
  };
  bool may_go_on(Entry& entry) const;
  void remove(uint64_t id);

  event::Loop& loop_;
  GaugeFamily& open_;
  Rules rules_;
  std::unique_ptr<event::Timer> timer_;  // armed while there is an entry with an object
  std::map<uint64_t, Entry> entries_;
  uint64_t next_id_ = 0;
};

}  // namespace ringside::sidecar
