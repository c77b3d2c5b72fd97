// The controller's mutating requests that are under way, so that a handover can wait for them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "kube/meta.h"
#include "sidecar/object_ref.h"

namespace ringside::sidecar {

class RequestLedger;

// One request under way. Held from before its first byte goes to the API server until the API server has answered, or
// until the stream to it was given up. Destruction ends the request; the ledger must outlive it.
class InFlight {
 public:
  InFlight(InFlight&& other) noexcept;
  InFlight& operator=(InFlight&& other) noexcept;
  ~InFlight();

 private:
  friend class RequestLedger;
  using Subject = std::variant<ObjectRef, std::vector<std::string>, uint64_t>;
  InFlight(RequestLedger& ledger, Subject subject) : ledger_(&ledger), subject_(std::move(subject)) {}

  RequestLedger* ledger_;
  Subject subject_;
};

// Memory: one entry for each request under way.
class RequestLedger {
 public:
  RequestLedger() = default;
  RequestLedger(const RequestLedger&) = delete;
  RequestLedger& operator=(const RequestLedger&) = delete;

  // An update, patch or delete of one object, subresources included.
  InFlight change(const ObjectRef& object);
  // A create with these owner references.
  InFlight create(std::span<const kube::OwnerReference> owners);
  // A request that may be about any object: a create whose body is not read, a deletecollection.
  InFlight unknown();

  // A point in time, in requests: has_unknown_before(mark()) is about those that have begun by now.
  uint64_t mark() const { return next_; }

  bool has_change(const ObjectRef& object) const { return changes_.contains(object); }
  bool has_create(const std::string& owner_uid) const { return creates_.contains(owner_uid); }
  bool has_unknown_before(uint64_t mark) const { return !unknown_.empty() && *unknown_.begin() < mark; }

 private:
  friend class InFlight;
  void finish(const InFlight::Subject& subject);

  std::map<ObjectRef, int> changes_;
  std::map<std::string, int> creates_;  // by the owner's uid
  std::set<uint64_t> unknown_;
  uint64_t next_ = 0;
};

}  // namespace ringside::sidecar
