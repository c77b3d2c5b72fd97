// A RingStore on a simulated loop, and the API server that it watches.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/rfc3339.h"
#include "central/ring_store.h"
#include "tests/support/fake_api.h"

namespace ringside::central {

inline constexpr const char* kBindings = "validatingadmissionpolicybindings";
inline constexpr const char* kPolicies = "validatingadmissionpolicies";

// An API server with the ring "r" in the first lists; what changes is told by the watches.
class RingWorld : public ::testing::Test {
 protected:
  using Record = ringside::testing::Record;

  void start() {
    api_.on_request = [this](Record& request) { serve(request); };
    store_.emplace(api_.client, Logger(), metrics_, [this] { ++synced_; });
    api_.loop.run_ready();
  }

  void serve(Record& request) {
    std::string_view path = request.request.path;
    std::string resource(path.substr(0, path.find('?')));
    resource.erase(0, resource.rfind('/') + 1);
    if (request.request.method != "GET") return on_write_(request, resource);
    if (bindings_forbidden_ && resource == kBindings) return ringside::testing::answer_json(request, 403, forbidden());
    if (!ringside::testing::query_parameter(request, "watch").empty()) {
      watches_[resource] = &request;
      request.stream->send_response({200, {}}, false);
      return;
    }
    ringside::testing::answer_json(request, 200,
                                   json::Value::object({{"metadata", json::Value::object({{"resourceVersion", "1"}})},
                                                        {"items", objects_[resource]}}));
  }

  static json::Value forbidden() {
    return json::Value::object({{"kind", "Status"},
                                {"apiVersion", "v1"},
                                {"status", "Failure"},
                                {"code", 403},
                                {"reason", "Forbidden"},
                                {"message", "not allowed"}});
  }

  json::Value object(std::string ns, std::string name, const kube::Labels& annotations = {}) {
    kube::Labels labels = {{"alpha.sharding.timebertt.dev/controllerring", "r"}};
    return json::Value::object({{"metadata", json::Value::object({{"namespace", ns},
                                                                  {"name", name},
                                                                  {"uid", name},
                                                                  {"resourceVersion", std::to_string(++version_)},
                                                                  {"labels", kube::to_json(labels)},
                                                                  {"annotations", kube::to_json(annotations)}})}});
  }

  json::Value ring(const kube::Labels& annotations = {}) {
    json::Value ring = object("", "r", annotations);
    ring["spec"]["resources"] = json::Value::array({json::Value::object({{"group", ""}, {"resource", "secrets"}})});
    return ring;
  }

  // Held by its shard since `age`; published by it, if not empty, is the ServiceAccount.
  json::Value lease(std::string name, std::string serviceaccount, std::chrono::seconds age = {}, int transitions = 0,
                    std::string holder = "itself", int duration = 15) {
    kube::Labels annotations;
    if (!serviceaccount.empty()) annotations["alpha.sharding.timebertt.dev/serviceaccount"] = serviceaccount;
    json::Value lease = object("ns", name, annotations);
    lease["spec"] = json::Value::object({{"holderIdentity", holder == "itself" ? name : holder},
                                         {"leaseDurationSeconds", duration},
                                         {"acquireTime", to_rfc3339_micro(api_.loop.wall_now() - age)},
                                         {"renewTime", to_rfc3339_micro(api_.loop.wall_now())},
                                         {"leaseTransitions", transitions}});
    return lease;
  }

  json::Value binding(std::string in_force) {
    return object("", "controllerring-r", {{"alpha.sharding.timebertt.dev/fence-in-force", in_force}});
  }

  void send(std::string resource, std::string type, json::Value item) {
    json::Value event = json::Value::object({{"type", type}, {"object", std::move(item)}});
    watches_[resource]->stream->send_body(json::to_string(event) + "\n");
    api_.loop.run_ready();
  }
  void see_lease(json::Value item) { send("leases", "MODIFIED", std::move(item)); }

  std::vector<std::string> shards() { return store_->find("r")->shards->shards(); }

  ringside::testing::FakeApi api_;
  MetricsRegistry registry_;
  Metrics metrics_{registry_};
  std::map<std::string, json::Array> objects_;
  std::map<std::string, Record*> watches_;
  // The last part of the path is the object's name, or the resource.
  std::function<void(Record&, std::string name)> on_write_;
  bool bindings_forbidden_ = false;
  int version_ = 1;
  int synced_ = 0;
  std::optional<RingStore> store_;
};

}  // namespace ringside::central
