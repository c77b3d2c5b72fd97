#include "sidecar/request_ledger.h"

#include <utility>

namespace ringside::sidecar {
namespace {

template <typename Key>
void decrement(std::map<Key, int>& counts, const Key& key) {
  auto entry = counts.find(key);
  if (--entry->second == 0) counts.erase(entry);
}

}  // namespace

InFlight::InFlight(InFlight&& other) noexcept
    : ledger_(std::exchange(other.ledger_, nullptr)), subject_(std::move(other.subject_)) {}

InFlight& InFlight::operator=(InFlight&& other) noexcept {
  std::swap(ledger_, other.ledger_);
  std::swap(subject_, other.subject_);
  return *this;
}

InFlight::~InFlight() {
  if (ledger_ != nullptr) ledger_->finish(subject_);
}

InFlight RequestLedger::change(const ObjectRef& object) {
  ++changes_[object];
  return InFlight(*this, object);
}

InFlight RequestLedger::create(std::span<const kube::OwnerReference> owners) {
  std::vector<std::string> uids;
  for (const kube::OwnerReference& owner : owners) uids.push_back(owner.uid);
  for (const std::string& uid : uids) ++creates_[uid];
  return InFlight(*this, std::move(uids));
}

InFlight RequestLedger::unknown() {
  unknown_.insert(next_);
  return InFlight(*this, next_++);
}

void RequestLedger::finish(const InFlight::Subject& subject) {
  if (const auto* object = std::get_if<ObjectRef>(&subject)) {
    decrement(changes_, *object);
  } else if (const auto* uids = std::get_if<std::vector<std::string>>(&subject)) {
    for (const std::string& uid : *uids) decrement(creates_, uid);
  } else {
    unknown_.erase(std::get<uint64_t>(subject));
  }
}

}  // namespace ringside::sidecar
