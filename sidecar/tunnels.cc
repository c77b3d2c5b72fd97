#include "sidecar/tunnels.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ringside::sidecar {

Tunnels::Handle::Handle(Handle&& other) noexcept : tunnels_(std::exchange(other.tunnels_, nullptr)), id_(other.id_) {}
Tunnels::Handle& Tunnels::Handle::operator=(Handle&& other) noexcept {
  std::swap(tunnels_, other.tunnels_);
  std::swap(id_, other.id_);
  return *this;
}
Tunnels::Handle::~Handle() {
  if (tunnels_) tunnels_->remove(id_);
}

Tunnels::Tunnels(event::Loop& loop, MetricsRegistry& metrics, Rules rules)
    : loop_(loop),
      open_(metrics.gauge("ringside_sidecar_upgraded_connections",
                          "The controller's open connections of exec, attach, port-forward and WebSocket watches.")),
      rules_(std::move(rules)) {
  open_.set({}, 0);
  timer_ = loop.timer([this] { check(); });
}

Tunnels::Handle Tunnels::add(std::optional<ObjectRef> object, std::function<void()> end) {
  if (object && !timer_->armed()) timer_->arm(rules_.period);
  uint64_t id = next_id_++;
  entries_.emplace(id, Entry{std::move(object), std::move(end), std::nullopt});
  open_.set({}, double(entries_.size()));
  return Handle(*this, id);
}

void Tunnels::remove(uint64_t id) {
  entries_.erase(id);
  open_.set({}, double(entries_.size()));
}

bool Tunnels::may_go_on(Entry& entry) const {
  if (!entry.object) return true;
  if (!rules_.lease_held()) return false;
  if (!rules_.is_fenced(*entry.object)) {
    entry.fenced_since.reset();
    return true;
  }
  if (!entry.fenced_since) entry.fenced_since = loop_.now();
  return loop_.now() - *entry.fenced_since < rules_.patience;
}

void Tunnels::check() {
  std::vector<uint64_t> over;
  bool guarded = false;
  for (auto& [id, entry] : entries_) {
    if (!may_go_on(entry)) {
      over.push_back(id);
    } else if (entry.object) {
      guarded = true;
    }
  }
  if (guarded) timer_->arm(rules_.period);
  for (uint64_t id : over) {
    auto found = entries_.find(id);
    if (found == entries_.end()) continue;
    found->second.object.reset();  // told once
    auto end = std::move(found->second.end);
    end();
  }
}

}  // namespace ringside::sidecar
