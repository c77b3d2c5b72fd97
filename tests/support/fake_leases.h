// An API server that has Leases and nothing else, for what works on them on a simulated loop.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "kube/lease.h"
#include "kube/status.h"
#include "tests/support/fake_api.h"

namespace ringside::testing {

// Creates, reads and updates with their checks of resource versions, and answers at once unless told otherwise.
class FakeLeases {
 public:
  FakeLeases() {
    api.on_request = [this](Record& request) {
      ++requests;
      if (hold_back) {
        waiting_.push_back(&request);
      } else {
        serve(request);
      }
    };
  }

  // The Lease "<namespace>/<name>", which must be there.
  kube::Lease lease(const std::string& name) const {
    auto found = stored_.find(name);
    if (found == stored_.end()) {
      ADD_FAILURE() << "there is no Lease " << name;
      return {};
    }
    return kube::lease_from_json(found->second).value();
  }
  std::string holder(const std::string& name) const { return lease(name).holder_identity.value_or(""); }
  bool exists(const std::string& name) const { return stored_.contains(name); }

  // A write by somebody else; makes the Lease if it is not there.
  void change(const std::string& name, const std::function<void(kube::Lease&)>& change) {
    kube::Lease lease = exists(name) ? this->lease(name) : kube::Lease{};
    size_t slash = name.find('/');
    lease.metadata.ns = name.substr(0, slash);
    lease.metadata.name = name.substr(slash + 1);
    change(lease);
    store(name, kube::to_json(lease));
  }
  void hold_by(const std::string& name, const std::string& holder, int seconds) {
    change(name, [&](kube::Lease& lease) {
      lease.holder_identity = holder;
      lease.lease_duration_seconds = seconds;
    });
  }
  void remove(const std::string& name) { stored_.erase(name); }

  // Answers the oldest request that was held back: processed now.
  void serve_next() {
    ASSERT_FALSE(waiting_.empty());
    Record* request = waiting_.front();
    waiting_.pop_front();
    serve(*request);
    api.loop.run_ready();
  }
  // Processes it, but its answer never comes.
  void process_next() {
    ASSERT_FALSE(waiting_.empty());
    process(*waiting_.front());
    waiting_.pop_front();
  }
  size_t waiting() const { return waiting_.size(); }

  FakeApi api;
  size_t requests = 0;
  bool hold_back = false;
  std::optional<kube::Status> fault;  // answered to everything, nothing being processed

 private:
  struct Answer {
    int status;
    std::string body;
  };

  static Answer refuse(const kube::Status& status) {
    return {status.code, kube::to_body(status, kube::Encoding::kJson)};
  }

  void serve(Record& request) {
    Answer result = process(request);
    answer(request, result.status, result.body);
  }

  Answer process(const Record& request) {
    if (fault) return refuse(*fault);
    // "", apis, coordination.k8s.io, v1, namespaces, <namespace>, leases[, <name>]
    std::string_view path = request.request.path;
    auto parts = split(path.substr(0, path.find('?')), '/');
    std::string ns(parts.at(5));
    if (request.request.method == "POST") return create(ns, request);
    std::string name(parts.at(7));
    if (!exists(ns + "/" + name)) return refuse(kube::not_found("coordination.k8s.io", "leases", name));
    return request.request.method == "GET" ? Answer{200, json::to_string(stored_.at(ns + "/" + name))}
                                           : update(ns + "/" + name, request);
  }

  Answer create(const std::string& ns, const Record& request) {
    json::Value body = json::parse(request.body).value();
    std::string name(body.string_at({"metadata", "name"}));
    if (exists(ns + "/" + name)) return refuse(kube::already_exists("coordination.k8s.io", "leases", name));
    return {201, json::to_string(store(ns + "/" + name, std::move(body)))};
  }

  Answer update(const std::string& name, const Record& request) {
    EXPECT_EQ(request.request.method, "PUT");
    json::Value body = json::parse(request.body).value();
    std::string_view version = body.string_at({"metadata", "resourceVersion"});
    if (version != stored_.at(name).string_at({"metadata", "resourceVersion"})) {
      return refuse(kube::conflict("coordination.k8s.io", "leases", name, "the object has been modified"));
    }
    return {200, json::to_string(store(name, std::move(body)))};
  }

  const json::Value& store(const std::string& name, json::Value lease) {
    lease["metadata"]["resourceVersion"] = std::to_string(++version_);
    return stored_[name] = std::move(lease);
  }

  std::map<std::string, json::Value> stored_;
  std::deque<Record*> waiting_;
  int version_ = 0;
};

}  // namespace ringside::testing
