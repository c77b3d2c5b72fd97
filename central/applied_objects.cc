#include "central/applied_objects.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace ringside::central {
namespace {

constexpr Backoff::Options kFight = {.initial = std::chrono::seconds(1), .max = std::chrono::minutes(5)};
// After so much peace a change is the first one again.
constexpr Duration kPeace = std::chrono::minutes(5);

// Whether the watch shows something older than, or the same as, what we know. Resource versions of one resource are
// ordered as numbers (API conventions of Kubernetes 1.35, and etcd's revisions before).
bool is_known(std::string_view seen, std::string_view known) {
  if (seen == known) return true;
  auto a = parse_int(seen), b = parse_int(known);
  return a && b && *a < *b;
}

}  // namespace

bool AppliedObjects::is_due(const std::string& path, std::string_view text, TimePoint now) const {
  auto found = objects_.find(path);
  if (found == objects_.end()) return true;
  const Object& object = found->second;
  if (object.text != text || now - object.at >= lasting_) return true;
  return object.changed_to && now >= object.put_back_at;
}

void AppliedObjects::applied(const std::string& path, std::string text, std::string version, TimePoint asked) {
  auto [position, added] = objects_.try_emplace(path);
  Object& object = position->second;
  if (added) object.backoff = Backoff(kFight);
  if (object.changed_to == version) {
    bool nothing_to_put_back = object.seen_at <= asked;
    bool our_own = object.changed_at > asked;  // the watch was faster than the answer
    if (nothing_to_put_back) object.last_change = TimePoint::min();
    if (our_own) object.last_change = object.change_before;
  }
  bool changed_since = object.changed_to &&
                       (object.changed_to->empty() ? object.seen_at > asked : !is_known(*object.changed_to, version));
  if (changed_since) {
    object.put_back_at = object.seen_at + object.backoff.next(object.random);
  } else {
    object.changed_to.reset();
  }
  object.text = std::move(text);
  object.version = std::move(version);
  object.at = asked;
}

std::optional<TimePoint> AppliedObjects::seen(const std::string& path, std::string_view version, TimePoint now,
                                              uint64_t random) {
  auto found = objects_.find(path);
  if (found == objects_.end()) return std::nullopt;
  Object& object = found->second;
  if (!version.empty() && is_known(version, object.version)) return std::nullopt;
  if (!object.changed_to) {
    bool first = object.last_change == TimePoint::min() || now - object.last_change > kPeace;
    if (first) object.backoff.reset();
    object.put_back_at = first ? now : now + object.backoff.next(random);
    object.changed_at = now;
    object.change_before = object.last_change;
  }
  object.last_change = object.seen_at = now;
  object.random = random;
  object.changed_to = version;
  return object.put_back_at;
}

std::optional<TimePoint> AppliedObjects::next_due(TimePoint now) const {
  std::optional<TimePoint> next;
  for (const auto& [_, object] : objects_) {
    if (!object.changed_to || object.put_back_at <= now) continue;
    next = std::min(next.value_or(object.put_back_at), object.put_back_at);
  }
  return next;
}

}  // namespace ringside::central
