#include "sidecar/child_moves.h"

#include <utility>

namespace ringside::sidecar {

void ChildMoves::sync(const ChildIndex& index, const std::string& owner_uid) {
  for (const ObjectRef* child : index.children_of(owner_uid)) {
    if (moves_.try_emplace(*child).second) ++open_;
  }
  for (auto& [child, move] : moves_) {
    bool untouched = move.state == State::kOpen && move.next == Kind::kRelease && move.resource_version.empty();
    if (untouched && index.resource_version(child) == nullptr) finish(move);
  }
}

std::optional<ChildMoves::Request> ChildMoves::next(const ChildIndex& index, std::string_view shard, TimePoint now) {
  for (auto& [child, move] : moves_) {
    if (move.state == State::kDone) continue;
    bool stays = destination_ == shard && move.state == State::kOpen && move.next == Kind::kRelease;
    if (stays) {
      finish(move);
      continue;
    }
    if (move.state == State::kOpen && move.not_before <= now) {
      move.state = State::kAsked;
      const std::string* indexed = index.resource_version(child);
      std::string version = !move.resource_version.empty() || indexed == nullptr ? move.resource_version : *indexed;
      std::string named = move.next == Kind::kReclaim ? std::string(shard) : destination_;
      return Request{
          .child = child, .kind = move.next, .resource_version = std::move(version), .shard = std::move(named)};
    }
    if (!has_destination()) return std::nullopt;
  }
  return std::nullopt;
}

bool ChildMoves::answered(const ObjectRef& child, const Result<LiveObject>& result, std::string_view shard,
                          TimePoint now, uint64_t random) {
  auto found = moves_.find(child);
  if (found == moves_.end() || found->second.state != State::kAsked) return true;
  Move& move = found->second;
  move.state = State::kOpen;
  if (!result) {
    ErrorKind kind = result.error().kind;
    if (kind == ErrorKind::kNotFound) {
      finish(move);
      return true;
    }
    move.next = Kind::kRead;
    if (kind != ErrorKind::kConflict) move.not_before = now + move.backoff.next(random);
    return kind != ErrorKind::kForbidden && kind != ErrorKind::kInvalid;
  }
  move.resource_version = result->resource_version;
  bool released = move.next == Kind::kRelease;
  if (result->shard.empty()) {
    if (move.next == Kind::kReclaim) move.not_before = now + move.backoff.next(random);
    move.next = Kind::kReclaim;
  } else if (result->shard != shard || released) {  // released, and the ring wants it here
    found_on(result->shard);
    last_release_ = now;
    finish(move);
  } else if (move.next == Kind::kReclaim) {
    move.not_before = now + move.backoff.next(random);  // until the webhook may be back
    move.next = Kind::kRead;
  } else {
    move.next = Kind::kRelease;
  }
  return true;
}

void ChildMoves::found_on(const std::string& shard) {
  scattered_ |= shard.empty() || (!destination_.empty() && destination_ != shard);
  destination_ = scattered_ ? std::string() : shard;
}

void ChildMoves::begin_anew() {
  moves_.clear();
  open_ = 0;
  last_release_.reset();
}

void ChildMoves::add_wakes(Wake& wake) const {
  for (const auto& [child, move] : moves_) {
    if (move.state == State::kOpen) wake.add(move.not_before);
  }
}

void ChildMoves::finish(Move& move) {
  move.state = State::kDone;
  --open_;
}

}  // namespace ringside::sidecar
