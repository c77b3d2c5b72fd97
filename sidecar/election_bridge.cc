#include "sidecar/election_bridge.h"

#include "event/loop.h"
#include "kube/encoding.h"
#include "kube/status.h"
#include "sharding/names.h"
#include "sidecar/status_response.h"

namespace ringside::sidecar {

struct ElectionBridge::Election {
  Election(kube::Client& client, Logger log, std::string ring, kube::NamespacedName name)
      : real(client, std::move(log), std::move(ring), std::move(name)) {}

  CoHeldLease real;
  // What the controller believes: its own last write, with a resource version of ours.
  kube::Lease shown;
  bool known = false;  // the controller has written a holder, or the Lease is the ring's
  int64_t version = 0;

  void show(kube::Lease lease) {
    shown = std::move(lease);
    shown.metadata.resource_version = std::to_string(++version);
  }
};

namespace {

constexpr std::string_view kGroup = "coordination.k8s.io";

// The JSON merge patch (RFC 7386) of what a leader election may patch: the spec.
kube::Lease merged(kube::Lease lease, const kube::Lease& patch) {
  if (patch.holder_identity) lease.holder_identity = patch.holder_identity;
  if (patch.lease_duration_seconds) lease.lease_duration_seconds = patch.lease_duration_seconds;
  if (patch.acquire_time) lease.acquire_time = patch.acquire_time;
  if (patch.renew_time) lease.renew_time = patch.renew_time;
  if (patch.lease_transitions) lease.lease_transitions = patch.lease_transitions;
  return lease;
}

// The metadata of an object that is in no store.
void complete(kube::Lease& lease, const kube::NamespacedName& name, WallTime now) {
  lease.metadata.ns = name.ns;
  lease.metadata.name = name.name;
  if (!lease.metadata.creation_timestamp) lease.metadata.creation_timestamp = now;
  if (lease.metadata.uid.empty()) lease.metadata.uid = "00000000-0000-4000-8000-000000000000";
}

http::Response lease_response(int status, const kube::Lease& lease, kube::Encoding encoding) {
  return {
      .status = status,
      .headers = {{"content-type", std::string(kube::content_type(encoding))}, {"cache-control", "no-cache, private"}},
      .body = kube::to_body(lease, encoding)};
}

}  // namespace

Result<ElectionOptions> parse_election_options(std::string_view text) {
  if (text == "auto") return ElectionOptions{};
  if (text == "off") return ElectionOptions{.mode = ElectionOptions::Mode::kOff, .name = {}};
  size_t slash = text.find('/');
  bool named = slash != std::string_view::npos && slash > 0 && slash + 1 < text.size() &&
               text.find('/', slash + 1) == std::string_view::npos;
  if (!named) {
    return failure(ErrorKind::kInvalid,
                   "leader-election: '" + std::string(text) + "' is none of auto, off, <namespace>/<name>");
  }
  return ElectionOptions{.mode = ElectionOptions::Mode::kNamed,
                         .name = {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))}};
}

ElectionBridge::ElectionBridge(kube::Client& client, Logger log, std::string ring, ElectionOptions options,
                               ShardLease& shard_lease)
    : client_(client),
      log_(std::move(log)),
      ring_(std::move(ring)),
      options_(std::move(options)),
      shard_lease_(shard_lease) {}
ElectionBridge::~ElectionBridge() = default;

bool ElectionBridge::may_be_election(const kube::NamespacedName& name) const {
  switch (options_.mode) {
    case ElectionOptions::Mode::kOff: return false;
    case ElectionOptions::Mode::kNamed: return name == options_.name;
    case ElectionOptions::Mode::kAuto: return true;
  }
  return false;
}

ElectionBridge::Election& ElectionBridge::election(const kube::NamespacedName& name) {
  auto& entry = elections_[name];
  if (!entry) entry = std::make_unique<Election>(client_, log_, ring_, name);
  return *entry;
}

void ElectionBridge::forget_holders() {
  for (auto& [name, election] : elections_) {
    if (election->shown.holder_identity) election->shown.holder_identity = "";
  }
}

bool ElectionBridge::leading() const {
  for (const auto& [name, election] : elections_) {
    if (!election->shown.holder_identity.value_or("").empty()) return true;
  }
  return false;
}

event::Task<std::optional<http::Response>> ElectionBridge::handle(std::string ns, std::string name, std::string verb,
                                                                  const http::Request& request) {
  if (verb == "get" && may_be_election({ns, name})) co_return co_await on_get({ns, name}, request);
  if (verb == "create" || verb == "update" || verb == "patch") {
    co_return co_await on_write({ns, name}, verb == "create", request);
  }
  co_return std::nullopt;
}

event::Task<std::optional<http::Response>> ElectionBridge::on_get(kube::NamespacedName name,
                                                                  const http::Request& request) {
  Election& e = election(name);
  kube::Encoding encoding = kube::choose_encoding(request.head.headers.get_or("accept", ""));
  // While the controller leads, it reads what it wrote.
  if (!e.shown.holder_identity.value_or("").empty()) co_return lease_response(200, e.shown, encoding);
  auto real = co_await e.real.read();
  if (!real) {
    log_.warn("the controller's election Lease cannot be read",
              {{"lease", to_string(name)}, {"error", real.error().message}});
    co_return status_response(kube::service_unavailable("sidecar: " + real.error().message, 1), encoding);
  }
  if (!*real) {
    if (!e.known) in_use_ = true;  // the first read of an election, as client-go does it
    co_return status_response(kube::not_found(std::string(kGroup), "leases", name.name), encoding);
  }
  // A shard Lease of ours or of another is no election.
  if (!(*real)->metadata.label(sharding::kRingLabel).empty()) co_return std::nullopt;
  if (!(*real)->holder_identity.value_or("").empty()) in_use_ = true;
  if (e.real.held_by_ring()) e.known = true;
  if (!e.known || e.real.held_by_other()) co_return std::nullopt;
  kube::Lease free = **real;
  free.holder_identity = "";
  e.show(std::move(free));
  co_return lease_response(200, e.shown, encoding);
}

event::Task<std::optional<http::Response>> ElectionBridge::on_write(kube::NamespacedName name, bool create,
                                                                    const http::Request& request) {
  auto encoding = kube::encoding_of_content_type(request.head.headers.get_or("content-type", ""));
  bool is_patch =
      !encoding && request.head.headers.get_or("content-type", "").find("patch+json") != std::string_view::npos;
  if (!encoding && !is_patch) co_return std::nullopt;
  auto body = kube::parse_lease(request.body, encoding.value_or(kube::Encoding::kJson));
  // The API server will say what is wrong with it.
  if (!body) co_return std::nullopt;
  if (create) name.name = body->metadata.name;
  if (name.name.empty() || !may_be_election(name)) co_return std::nullopt;
  auto found = elections_.find(name);
  bool known = found != elections_.end() && found->second->known;
  bool names_holder = !body->holder_identity.value_or("").empty();
  if (!known && !names_holder) co_return std::nullopt;
  if (!body->metadata.label(sharding::kRingLabel).empty()) co_return std::nullopt;

  in_use_ = true;
  Election& e = election(name);
  e.known = true;
  kube::Lease wanted = is_patch ? merged(e.shown, *body) : std::move(*body);
  complete(wanted, name, client_.loop().wall_now());
  kube::Encoding answer = kube::choose_encoding(request.head.headers.get_or("accept", ""));
  if (wanted.holder_identity.value_or("").empty()) co_return co_await release(e, std::move(wanted), answer);
  co_return co_await renew(e, std::move(wanted), create ? 201 : 200, answer);
}

event::Task<http::Response> ElectionBridge::renew(Election& e, kube::Lease wanted, int ok_status,
                                                  kube::Encoding answer) {
  std::string holder = *wanted.holder_identity;
  std::string present = e.shown.holder_identity.value_or("");
  Result<void> done;
  if (blocked_) {
    done = failure(ErrorKind::kRetry, *blocked_);
  } else if (!present.empty() && present != holder) {
    done = failure(ErrorKind::kConflict, "'" + present + "' leads in this pod already");
  } else {
    done = co_await e.real.co_hold(wanted);
    if (done) done = co_await shard_lease_.hold();
  }
  if (done) {
    if (present.empty()) log_.info("the controller leads", {{"lease", wanted.metadata.name}, {"holder", holder}});
    e.show(std::move(wanted));
    co_return lease_response(ok_status, e.shown, answer);
  }
  log_.warn("the controller cannot lead now", {{"lease", wanted.metadata.name}, {"error", done.error().message}});
  if (done.error().kind == ErrorKind::kConflict) {
    // As if another had written the Lease: the controller reads it again and waits.
    kube::Lease free = e.shown;
    free.holder_identity = "";
    e.show(std::move(free));
    co_return status_response(
        kube::conflict(std::string(kGroup), "leases", wanted.metadata.name, "sidecar: " + done.error().message),
        answer);
  }
  co_return status_response(kube::service_unavailable("sidecar: " + done.error().message, 1), answer);
}

event::Task<http::Response> ElectionBridge::release(Election& e, kube::Lease wanted, kube::Encoding answer) {
  auto done = co_await shard_lease_.release();
  if (!done) {
    log_.warn("cannot release the shard Lease; it expires", {{"error", done.error().message}});
    co_return status_response(kube::service_unavailable("sidecar: " + done.error().message, 1), answer);
  }
  e.show(std::move(wanted));
  co_return lease_response(200, e.shown, answer);
}

}  // namespace ringside::sidecar
