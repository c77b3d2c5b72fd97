// Whether a write of the controller may go on: the shard Lease and the fence decide.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "kube/meta.h"
#include "kube/status.h"
#include "sidecar/fence.h"
#include "sidecar/request_filter.h"

namespace ringside::sidecar {

// The write path's view of the handover. Implemented by HandoverAgent.
class WriteGate {
 public:
  virtual ~WriteGate() = default;

  // Whether creates must come with the owner references of their bodies.
  virtual bool needs_owner_references() const = 0;
  // A ticket, or the answer to give instead. To be held until the API server has answered, then dropped and followed by
  // on_write_done().
  virtual std::expected<InFlight, kube::Status> admit_change(const ObjectRef& object) = 0;
  // Of the object's metadata, name, generateName and owner references are looked at.
  virtual std::expected<InFlight, kube::Status> admit_create(const kube::GroupResource& resource,
                                                             const kube::ObjectMeta& meta) = 0;
  virtual std::expected<InFlight, kube::Status> admit_unread_create() = 0;
  virtual std::expected<InFlight, kube::Status> admit_delete_collection(const kube::GroupResource& resource) = 0;
  virtual void on_write_done() = 0;
  // Whether a change of the object would be refused now. Unlike admit_change, nobody is told of it.
  virtual bool is_fenced(const ObjectRef& object) const = 0;
};

}  // namespace ringside::sidecar
