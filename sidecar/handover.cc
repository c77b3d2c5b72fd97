#include "sidecar/handover.h"

#include <algorithm>
#include <utility>

namespace ringside::sidecar {
namespace {

ObjectRef ref_of(const kube::GroupResource& resource, const kube::ObjectMeta& meta) {
  return {.resource = resource, .ns = meta.ns, .name = meta.name};
}

// Spreads the retries of many drains: any number will do that differs between them and between their tries.
uint64_t spread(uint64_t order) {
  return (order * 0x9e3779b97f4a7c15) >> 32;
}

// Whether a release of a child may have taken it from this shard.
bool may_have_moved(const Result<LiveObject>& released, std::string_view shard) {
  if (released) return released->shard != shard;
  ErrorKind kind = released.error().kind;
  return kind != ErrorKind::kForbidden && kind != ErrorKind::kInvalid && kind != ErrorKind::kNotFound &&
         kind != ErrorKind::kConflict;
}

constexpr Duration kUnownedPoll = std::chrono::seconds(1);

}  // namespace

Handover::Handover(HandoverOptions options, Fence& fence)
    : options_(std::move(options)),
      fence_(fence),
      index_(options_.controlled),
      tombstones_(options_.tombstones),
      batch_(options_.first_batch) {}

Handover::~Handover() {
  fence_.lift_all();
}

// Inputs

void Handover::drain_seen(const kube::GroupResource& resource, const kube::ObjectMeta& meta, TimePoint now,
                          bool inherited) {
  ObjectRef object = ref_of(resource, meta);
  if (tombstones_.contains(object)) {
    // Either it came back and drains again, or this event is older than our acknowledgement.
    tombstones_.want_read(object, true);
    return;
  }
  auto known = drains_.find(object);
  if (known != drains_.end() && known->second.uid == meta.uid) {
    known->second.resource_version = meta.resource_version;
    known->second.seen_meanwhile = true;
    return;
  }
  if (known != drains_.end()) finish(known, Finished::Outcome::kGone, now);
  Drain drain;
  drain.uid = meta.uid;
  drain.resource_version = meta.resource_version;
  drain.seen_at = now;
  drain.retry = Backoff(options_.retry);
  drain.retreat = Backoff(options_.retreat);
  drain.inherited = inherited && index_.tracks_anything();
  if (drain.inherited) inherited_.insert(drain.uid);
  wait(drains_.emplace(std::move(object), std::move(drain)).first, now);
}

void Handover::drain_left(const ObjectRef& object) {
  auto drain = drains_.find(object);
  if (drain == drains_.end()) return;
  if (drain->second.phase != Phase::kWaiting) {
    drain->second.unsure = true;
    // Should it be back already, so may be its children.
    drain->second.children = ChildMoves();
    drain->second.inherited = false;
    return;
  }
  waiting_.erase({drain->second.ready_at, drain->second.order, object});
  drains_.erase(drain);
}

void Handover::drains_listed(const kube::GroupResource& resource, std::span<const kube::ObjectMeta> objects,
                             TimePoint now, bool inherited) {
  std::set<ObjectRef> listed;
  for (const kube::ObjectMeta& meta : objects) {
    listed.insert(ref_of(resource, meta));
    drain_seen(resource, meta, now, inherited);
  }
  std::vector<ObjectRef> left;
  for (auto drain = drains_.lower_bound({.resource = resource, .ns = {}, .name = {}});
       drain != drains_.end() && drain->first.resource == resource; ++drain) {
    if (!listed.contains(drain->first)) left.push_back(drain->first);
  }
  for (const ObjectRef& object : left) drain_left(object);
}

void Handover::blocked(const ObjectRef& object) {
  const ObjectRef* main = fence_.main_object_of(object);
  if (main == nullptr || !tombstones_.contains(*main)) return;
  tombstones_.want_read(*main);
  // A child may have come back alone, say as another object of the same name.
  if (*main != object) tombstones_.want_read(object);
}

void Handover::blocked_create(std::span<const kube::OwnerReference> owners) {
  const ObjectRef* main = fence_.owner_among(owners);
  if (main != nullptr && tombstones_.contains(*main)) tombstones_.want_read(*main);
}

void Handover::children_found(const ChildrenFound& found) {
  for (auto& [object, drain] : drains_) {
    if (!drain.inherited || !sought_.contains(drain.uid)) continue;
    drain.inherited = false;
    auto shards = found.find(drain.uid);
    if (shards == found.end()) continue;
    drain.parted = true;
    for (const std::string& shard : shards->second) drain.children.found_on(shard);
  }
  sought_.clear();
}

void Handover::answered(RequestId id, const Result<LiveObject>& result, TimePoint now) {
  auto node = requests_.extract(id);
  if (node.empty()) return;
  const Request& request = node.mapped();
  if (request.order == kTombstone) return tombstone_answered(request.target, result, now);
  bool parted = !request.owner_uid.empty() && may_have_moved(result, options_.shard);
  auto drain = drains_.find(request.main);
  if (drain == drains_.end() || drain->second.order != request.order) {
    // It may have been processed after its owner had returned to service.
    if (parted) actions_.emplace_back(ChildrenParted{request.owner_uid});
    return;
  }
  drain->second.parted |= parted;
  if (request.target != request.main) {
    bool possible =
        drain->second.children.answered(request.target, result, options_.shard, now, spread(request.order + id));
    if (!possible && !drain->second.asked && !drain->second.unsure) retreat(drain, now);
    return;
  }
  drain->second.asked = false;
  if (result) {
    settle(drain, *result, now);
  } else {
    fail(drain, request, result.error().kind, now);
  }
}

// Decisions

std::vector<Action> Handover::step(TimePoint now) {
  for (const ObjectRef& object : tombstones_.expire(now)) fence_.lift(object);
  run_index(now);
  find_children();
  admit(now);
  // One that returns to waiting leaves the active ones.
  for (auto next = active_.begin(); next != active_.end();) advance((next++)->second, now);
  wants_proof_ = has_place(now) || std::ranges::any_of(active_, [](const auto& entry) {
                   return entry.second->second.phase == Phase::kQuiescing;
                 });
  read_tombstones(now);
  return std::exchange(actions_, {});
}

void Handover::run_index(TimePoint now) {
  if (!index_.tracks_anything()) return;
  if (!drains_.empty()) {
    index_idle_since_.reset();
    if (!std::exchange(indexing_, true)) actions_.emplace_back(StartChildIndex());
    return;
  }
  if (!indexing_) return;
  if (!index_idle_since_) index_idle_since_ = now;
  if (now < *index_idle_since_ + options_.index_linger) return;
  indexing_ = false;
  index_.clear();
  actions_.emplace_back(StopChildIndex());
}

// One list at a time, for all that are known by then.
void Handover::find_children() {
  if (inherited_.empty() || !sought_.empty()) return;
  sought_ = std::exchange(inherited_, {});
  actions_.emplace_back(FindChildren{sought_});
}

void Handover::admit(TimePoint now) {
  bool in_round = std::exchange(round_, false);
  if (proof_expected_ && !in_round) return;
  while (has_place(now)) {
    auto entry = drains_.find(std::get<ObjectRef>(*waiting_.begin()));
    auto& [object, drain] = *entry;
    drain.phase = Phase::kQuiescing;
    drain.fenced_at = now;
    drain.fenced_in_round = in_round;
    drain.idle_since.reset();
    drain.children_seen = 0;
    fence_.close(object, drain.uid);
    active_.emplace(drain.order, entry);
    waiting_.erase(waiting_.begin());
  }
}

bool Handover::has_place(TimePoint now) const {
  return index_.ready() && active_.size() < batch_ && !waiting_.empty() &&
         std::get<TimePoint>(*waiting_.begin()) <= now;
}

void Handover::advance(Drains::iterator entry, TimePoint now) {
  auto& [object, drain] = *entry;
  uint64_t changes = index_.additions() + fence_.openings();
  if (std::exchange(drain.children_seen, changes) != changes) {
    for (const ObjectRef* child : index_.children_of(drain.uid)) fence_.add_child(object, *child);
  }
  if (drain.asked) return;
  if (drain.unsure) {
    if (now >= drain.retry_at) ask(entry, true);
    return;
  }
  if (drain.phase == Phase::kQuiescing) {
    drain.quiet = quiet_by(object, drain, now);
    if (!drain.quiet) return;
    drain.phase = Phase::kMoving;
    drain.quiet_at = now;
  }
  if (now >= drain.fenced_at + options_.max_fenced && !drain.unowned_since) return retreat(entry, now);
  // Also while it waits for its acknowledgement: the index may learn of a child late.
  if (!advance_children(entry, now)) return;
  if (drain.phase == Phase::kMoving) {
    drain.phase = Phase::kAcknowledging;
    drain.moved_at = now;
  }
  auto released = drain.children.last_release();
  if (drain.inherited || (released && now < *released + options_.arrival)) return;
  if (now >= drain.retry_at) ask(entry, false);
}

std::optional<Quiet> Handover::quiet_by(const ObjectRef& object, Drain& drain, TimePoint now) const {
  bool busy = fence_.busy(object);
  if (busy) {
    drain.idle_since.reset();
  } else if (!drain.idle_since) {
    drain.idle_since = now;
  }
  // A reconcile that has ended has the answers to its requests: nothing of it is on its way to us.
  // What was fenced in a round was so before the metrics were asked for, though at the same time.
  bool proven = drain.fenced_in_round ? proof_ >= drain.fenced_at : proof_ > drain.fenced_at;
  if (!busy && proven) return Quiet::kProof;
  if (!busy && !proof_expected_ && now >= *drain.idle_since + options_.quiet_window) return Quiet::kWindow;
  drain.overdue = now >= drain.fenced_at + options_.deadline;
  return drain.overdue ? std::optional(Quiet::kDeadline) : std::nullopt;
}

// True when all children are moved and nothing is under way. A child that the index learns of late may bring requests
// that began before it was fenced.
bool Handover::advance_children(Drains::iterator entry, TimePoint now) {
  auto& [object, drain] = *entry;
  drain.overdue |= now >= drain.fenced_at + options_.deadline;
  if (!index_.ready() || (fence_.busy(object) && !drain.overdue)) return false;
  drain.children.sync(index_, drain.uid);
  while (has_room()) {
    std::optional<ChildMoves::Request> next = drain.children.next(index_, options_.shard, now);
    if (!next) break;
    bool read = next->kind == ChildMoves::Kind::kRead;
    RequestId id = begin_request({.main = object,
                                  .order = drain.order,
                                  .target = next->child,
                                  .is_read = read,
                                  .owner_uid = read ? std::string() : drain.uid});
    if (read) {
      actions_.emplace_back(ReadLive{.id = id, .object = next->child});
    } else {
      actions_.emplace_back(ReleaseChild{.id = id,
                                         .object = next->child,
                                         .resource_version = std::move(next->resource_version),
                                         .shard = std::move(next->shard)});
    }
  }
  return drain.children.done();
}

void Handover::read_tombstones(TimePoint now) {
  size_t room = options_.max_requests - std::min(options_.max_requests, requests_.size());
  for (ObjectRef& object : tombstones_.take_reads(now, room)) {
    RequestId id = begin_request({.main = object, .order = kTombstone, .target = object, .is_read = true});
    actions_.emplace_back(ReadLive{.id = id, .object = std::move(object)});
  }
}

RequestId Handover::begin_request(Request request) {
  requests_.emplace(next_request_, std::move(request));
  return next_request_++;
}

// A live read, or else the acknowledgement.
void Handover::ask(Drains::iterator entry, bool is_read) {
  auto& [object, drain] = *entry;
  if (!has_room()) return;
  drain.asked = true;
  drain.unsure = drain.seen_meanwhile = false;
  RequestId id = begin_request({.main = object, .order = drain.order, .target = object, .is_read = is_read});
  if (is_read) {
    actions_.emplace_back(ReadLive{.id = id, .object = object});
  } else {
    drain.acknowledge_sent = true;
    // Also without our label it is ours to take: nobody else has it, and the resource version says so.
    std::string shard = drain.unowned_since ? options_.shard : drain.children.destination();
    actions_.emplace_back(
        Acknowledge{.id = id, .object = object, .resource_version = drain.resource_version, .shard = std::move(shard)});
  }
}

// Outcomes

void Handover::settle(Drains::iterator entry, const LiveObject& live, TimePoint now) {
  Drain& drain = entry->second;
  drain.retry.reset();
  if (live.uid != drain.uid) return conclude(entry, Finished::Outcome::kGone, now);
  if (live.shard.empty() && drain.acknowledge_sent) return await_owner(entry, live, now);
  drain.unowned_since.reset();
  if (live.shard != options_.shard) {
    return conclude(entry, drain.acknowledge_sent ? Finished::Outcome::kAcknowledged : Finished::Outcome::kTaken, now);
  }
  if (!live.draining) return conclude(entry, Finished::Outcome::kWithdrawn, now);
  drain.resource_version = live.resource_version;
  // Safe to return to service: the answer shows that no acknowledgement of ours took effect.
  if (now >= drain.fenced_at + options_.max_fenced && !drain.unsure) retreat(entry, now);
}

// Read until somebody has it, or else taken back.
void Handover::await_owner(Drains::iterator entry, const LiveObject& live, TimePoint now) {
  Drain& drain = entry->second;
  drain.resource_version = live.resource_version;
  if (!drain.unowned_since) drain.unowned_since = now;
  TimePoint patience_over = *drain.unowned_since + options_.unowned;
  drain.unsure = now < patience_over;
  drain.retry_at = drain.unsure ? std::min(patience_over, now + kUnownedPoll) : now;
}

void Handover::fail(Drains::iterator entry, const Request& request, ErrorKind kind, TimePoint now) {
  Drain& drain = entry->second;
  if (kind == ErrorKind::kNotFound) return conclude(entry, Finished::Outcome::kGone, now);
  bool impossible = !request.is_read && (kind == ErrorKind::kForbidden || kind == ErrorKind::kInvalid);
  if (impossible && !drain.unsure && !drain.unowned_since) return retreat(entry, now);
  drain.unsure = true;
  if (kind != ErrorKind::kConflict) drain.retry_at = now + drain.retry.next(spread(drain.order));
}

// Unless the watch showed the object draining since the request began: that may be older than the answer or newer, and
// a read from now on is newer than both.
void Handover::conclude(Drains::iterator entry, Finished::Outcome outcome, TimePoint now) {
  if (entry->second.seen_meanwhile) {
    entry->second.unsure = true;
  } else {
    finish(entry, outcome, now);
  }
}

void Handover::finish(Drains::iterator entry, Finished::Outcome outcome, TimePoint now) {
  auto& [object, drain] = *entry;
  Finished finished = {.object = object,
                       .outcome = outcome,
                       .quiet = drain.quiet,
                       .overdue = drain.overdue,
                       .children = drain.children.size()};
  TimePoint fenced = drain.phase == Phase::kWaiting ? now : drain.fenced_at;
  TimePoint quiet = drain.phase < Phase::kMoving ? now : drain.quiet_at;
  TimePoint moved = drain.phase < Phase::kAcknowledging ? now : drain.moved_at;
  finished.waited = fenced - drain.seen_at;
  finished.quiesced = quiet - fenced;
  finished.moved = moved - quiet;
  finished.acknowledged = now - moved;
  actions_.emplace_back(std::move(finished));

  if (outcome == Finished::Outcome::kAcknowledged) adapt_batch(now - quiet, now);
  if (outcome == Finished::Outcome::kAcknowledged || outcome == Finished::Outcome::kTaken) {
    fence_.bury(object);
    tombstones_.add(object, fence_.child_count(object), now);
  } else if (outcome == Finished::Outcome::kWithdrawn) {
    lift(entry);
  } else {
    fence_.lift(object);
  }
  active_.erase(drain.order);
  waiting_.erase({drain.ready_at, drain.order, object});
  drains_.erase(entry);
}

void Handover::retreat(Drains::iterator entry, TimePoint now) {
  auto& [object, drain] = *entry;
  lift(entry);
  active_.erase(drain.order);
  drain.unsure = drain.overdue = drain.acknowledge_sent = false;
  drain.unowned_since.reset();
  drain.quiet.reset();
  drain.children.begin_anew();
  wait(entry, now + drain.retreat.next(spread(drain.order)));
}

// Back into service.
void Handover::lift(Drains::iterator entry) {
  auto& [object, drain] = *entry;
  fence_.lift(object);
  bool parts = std::ranges::any_of(
      requests_, [&](const auto& each) { return each.second.order == drain.order && !each.second.owner_uid.empty(); });
  if (drain.parted || parts) actions_.emplace_back(ChildrenParted{drain.uid});
}

void Handover::wait(Drains::iterator entry, TimePoint ready_at) {
  auto& [object, drain] = *entry;
  drain.phase = Phase::kWaiting;
  drain.order = next_order_++;
  drain.ready_at = ready_at;
  waiting_.emplace(ready_at, drain.order, object);
}

// One more while it goes well, a quarter less when it does not, and then time to see what comes of it.
void Handover::adapt_batch(Duration moving, TimePoint now) {
  constexpr int kWeight = 8;
  average_move_ = average_move_ == Duration::zero() ? moving : average_move_ + (moving - average_move_) / kWeight;
  if (average_move_ <= options_.batch_target) {
    batch_ = std::min(batch_ + 1, options_.max_batch);
  } else if (batch_adapted_at_ == TimePoint::min() || now - batch_adapted_at_ >= options_.batch_target) {
    batch_ = std::max(batch_ - batch_ / 4, options_.min_batch);
    batch_adapted_at_ = now;
  }
}

void Handover::tombstone_answered(const ObjectRef& target, const Result<LiveObject>& result, TimePoint now) {
  if (!tombstones_.read_done(target, now)) return;
  bool gone = !result && result.error().kind == ErrorKind::kNotFound;
  if (!result && !gone) return tombstones_.want_read(target);
  if (!gone && result->shard != options_.shard) return;
  if (tombstones_.contains(target)) {
    fence_.lift(target);
    tombstones_.erase(target);
  } else if (!gone) {
    // A child that is gone may be made again by the shard that has its owner now.
    fence_.remove_child(target);
  }
  // Also of an object whose tombstone has expired meanwhile: the watch's event was put off until this answer.
  if (gone || !result->draining) return;
  kube::ObjectMeta meta;
  meta.ns = target.ns;
  meta.name = target.name;
  meta.uid = result->uid;
  meta.resource_version = result->resource_version;
  drain_seen(target.resource, meta, now);
}

std::optional<TimePoint> Handover::next_wake(TimePoint now) const {
  Wake wake(now);
  tombstones_.add_wakes(wake);
  if (index_idle_since_ && indexing_) wake.add(*index_idle_since_ + options_.index_linger);
  if (!waiting_.empty()) wake.add(std::get<TimePoint>(*waiting_.begin()));
  for (const auto& [order, entry] : active_) add_wakes(entry->second, wake);
  return wake.at();
}

void Handover::add_wakes(const Drain& drain, Wake& wake) const {
  if (drain.asked) return;
  wake.add(drain.retry_at);
  wake.add(drain.fenced_at + options_.deadline);
  wake.add(drain.fenced_at + options_.max_fenced);
  if (drain.phase == Phase::kQuiescing && drain.idle_since && !proof_expected_) {
    wake.add(*drain.idle_since + options_.quiet_window);
  }
  if (auto released = drain.children.last_release()) wake.add(*released + options_.arrival);
  drain.children.add_wakes(wake);
}

}  // namespace ringside::sidecar
