#include "sidecar/request_filter.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "kube/query.h"

namespace ringside::sidecar {
namespace {

const ShardIdentity kSelf{"my-ring", "op-0"};
const std::string kAdded = "shard.alpha.sharding.timebertt.dev%2Fmy-ring%3Dop-0";

RingResources ring() {
  return RingResources({{{"apps", "deployments"}, true, false, true, false},
                        {{"", "secrets"}, false, true, true, false},
                        {{"", "configmaps"}, false, true, false, false},
                        {{"example.com", "clusters"}, true, false, true, true},
                        {{"", "namespaces"}, true, false, true, true},
                        {{"", "pods"}, false, true, true, false}});
}

RequestDecision decide(std::string_view method, std::string_view target, const RingResources& resources = ring()) {
  return decide_request(kube::parse_request_info(method, target), target, resources, kSelf);
}

std::string describe(const Mutate& mutate) {
  std::string text = "mutate " + mutate.verb + " " + mutate.resource.group + "/" + mutate.resource.resource;
  text += " " + mutate.ns + "/" + mutate.name;
  if (!mutate.subresource.empty()) text += "/" + mutate.subresource;
  return text + (mutate.is_main ? " main" : "") + (mutate.is_controlled ? " controlled" : "");
}

std::string describe(const RequestDecision& decision) {
  struct Visitor {
    std::string operator()(const Pass&) { return "pass"; }
    std::string operator()(const Filter& filter) {
      return (filter.deletes ? "delete filtered " : "filter ") + filter.path_with_query;
    }
    std::string operator()(const Mutate& mutate) { return describe(mutate); }
    std::string operator()(const ElectionLease& lease) {
      std::string text = "lease " + lease.verb + " " + lease.ns + "/" + lease.name;
      return lease.otherwise ? text + " else " + describe(*lease.otherwise) : text;
    }
    std::string operator()(const Unavailable&) { return "unavailable"; }
    std::string operator()(const Reject&) { return "reject"; }
  };
  return std::visit(Visitor(), decision);
}

struct Case {
  std::string_view method;
  std::string target;
  std::string expected;
};

void expect(const std::vector<Case>& cases, const RingResources& resources) {
  for (const auto& test : cases) {
    EXPECT_EQ(describe(decide(test.method, test.target, resources)), test.expected)
        << test.method << " " << test.target;
  }
}

const std::string kPods = "/api/v1/namespaces/ns/pods";

TEST(RequestFilter, AddsTheShardToReadsOfManyObjects) {
  const std::string list = "/apis/apps/v1/deployments", watch = "/api/v1/watch/secrets";
  expect({{"GET", list, "filter " + list + "?labelSelector=" + kAdded},
          {"HEAD", list, "filter " + list + "?labelSelector=" + kAdded},
          {"GET", list + "?", "filter " + list + "?labelSelector=" + kAdded},
          {"GET", list + "/", "filter " + list + "/?labelSelector=" + kAdded},
          {"GET", "/apis/apps/v2beta9/deployments", "filter /apis/apps/v2beta9/deployments?labelSelector=" + kAdded},
          {"GET", list + "?watch=1&limit=5", "filter " + list + "?watch=1&limit=5&labelSelector=" + kAdded},
          {"GET", kPods, "filter " + kPods + "?labelSelector=" + kAdded},
          {"GET", "/api/v1/namespaces%2Fns%2Fpods", "filter /api/v1/namespaces%2Fns%2Fpods?labelSelector=" + kAdded},
          {"GET", watch, "filter " + watch + "?labelSelector=" + kAdded},
          {"GET", kPods + "//log", "filter " + kPods + "//log?labelSelector=" + kAdded},
          {"GET", "https://h" + kPods + "?watch", "filter https://h" + kPods + "?watch&labelSelector=" + kAdded}},
         ring());
}

TEST(RequestFilter, AppendsToTheClientsSelectorAndKeepsItsText) {
  const std::string p = kPods + "?";
  const std::string comma = "%2C";
  expect({{"GET", p + "labelSelector=a%3Db", "filter " + p + "labelSelector=a%3Db" + comma + kAdded},
          {"GET", p + "labelSelector=a=b&watch=1", "filter " + p + "labelSelector=a=b" + comma + kAdded + "&watch=1"},
          {"GET", p + "labelSelector=x+in+(a,b)", "filter " + p + "labelSelector=x+in+(a,b)" + comma + kAdded},
          {"GET", p + "labelSelector=!a#b", "filter " + p + "labelSelector=!a#b" + comma + kAdded},
          {"GET", p + "label%53elector=a", "filter " + p + "label%53elector=a" + comma + kAdded},
          {"GET", p + "labelSelector=", "filter " + p + "labelSelector=" + kAdded},
          {"GET", p + "labelSelector", "filter " + p + "labelSelector=" + kAdded},
          {"GET", p + "labelSelector&watch=1", "filter " + p + "labelSelector=" + kAdded + "&watch=1"},
          {"GET", p + "labelSelector=+%09", "filter " + p + "labelSelector=+%09" + kAdded},
          {"GET", p + "labelSelector=a&labelSelector=&labelSelector=b",
           "filter " + p + "labelSelector=a" + comma + kAdded + "&labelSelector=" + kAdded + "&labelSelector=b" +
               comma + kAdded},
          // Names that only look alike.
          {"GET", p + "labelselector=a", "filter " + p + "labelselector=a&labelSelector=" + kAdded},
          {"GET", p + "xlabelSelector=a", "filter " + p + "xlabelSelector=a&labelSelector=" + kAdded},
          {"GET", p + "fieldSelector=labelSelector=a",
           "filter " + p + "fieldSelector=labelSelector=a&labelSelector=" + kAdded}},
         ring());
}

// The API server does not see these selectors, so ours must not hide in them.
TEST(RequestFilter, AddsItsOwnParameterWhereTheApiServerIgnoresTheClients) {
  const std::string p = kPods + "?";
  expect({{"GET", p + "labelSelector=a;b", "filter " + p + "labelSelector=a;b&labelSelector=" + kAdded},
          {"GET", p + "watch=1;labelSelector=a", "filter " + p + "watch=1;labelSelector=a&labelSelector=" + kAdded},
          {"GET", p + "labelSelector=%zz", "filter " + p + "labelSelector=%zz&labelSelector=" + kAdded},
          {"GET", p + "labelSelector=a%", "filter " + p + "labelSelector=a%&labelSelector=" + kAdded},
          {"GET", p + "labelSelector=a%2", "filter " + p + "labelSelector=a%2&labelSelector=" + kAdded},
          {"GET", p + "labelSelector%3Da", "filter " + p + "labelSelector%3Da&labelSelector=" + kAdded},
          {"GET", p + "&&", "filter " + p + "&&&labelSelector=" + kAdded},
          {"GET", kPods + "%3FlabelSelector=a", "pass"},  // the resource "pods?labelSelector=a"
          {"GET", kPods + "??labelSelector=a", "filter " + kPods + "??labelSelector=a&labelSelector=" + kAdded}},
         ring());
}

TEST(RequestFilter, RejectsWhatNoSelectorCanBeAddedTo) {
  EXPECT_EQ(describe(decide("GET", kPods + "?labelSelector=a%00")), "reject");
  EXPECT_EQ(describe(decide("GET", kPods + "?labelSelector=a&labelSelector=%00")), "reject");
  EXPECT_EQ(describe(decide("DELETE", kPods + "?labelSelector=a%00")), "reject");
  std::string many = kPods + "?a";
  for (int i = 0; i < 9'997; ++i) many += "&a";
  EXPECT_TRUE(describe(decide("GET", many)).starts_with("filter"));
  EXPECT_TRUE(describe(decide("GET", many + "&a")).starts_with("filter"));
  EXPECT_EQ(describe(decide("GET", many + "&a&a")), "reject");
  EXPECT_EQ(describe(decide("GET", many + "&a&a&fieldSelector=metadata.name%3Dx")), "reject");
}

TEST(RequestFilter, OneObjectPasses) {
  expect({{"GET", kPods + "/x", "pass"},
          {"HEAD", kPods + "/x", "pass"},
          {"GET", kPods + "/x?watch=1", "pass"},
          {"GET", kPods + "/x/log?follow=true", "pass"},
          {"GET", kPods + "?fieldSelector=metadata.name%3Dx", "pass"},
          {"GET", kPods + "?watch=1&fieldSelector=metadata.name%3Dx&labelSelector=a", "pass"},
          {"GET", "/api/v1/watch/namespaces/ns/pods/x", "pass"},
          {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Dx,metadata.namespace%3Dns", "pass"},
          {"GET", "/apis/example.com/v1/clusters?watch=1&fieldSelector=metadata.name%3Dx", "pass"},
          {"GET", "/apis/example.com/v1/watch/clusters/x", "pass"}},
         ring());
}

// The API server answers these with every object of that name, whatever its namespace and shard.
TEST(RequestFilter, OneNameInAllNamespacesIsFiltered) {
  const std::string named = "/api/v1/pods?fieldSelector=metadata.name%3Dx";
  expect({{"GET", named, "filter " + named + "&labelSelector=" + kAdded},
          {"GET", "/api/v1/watch/pods/x", "filter /api/v1/watch/pods/x?labelSelector=" + kAdded},
          {"GET", named + "!%3Dy", "filter " + named + "!%3Dy&labelSelector=" + kAdded}},
         ring());
}

TEST(RequestFilter, DeletionOfManyIsAlwaysFiltered) {
  const std::string maps = "/api/v1/namespaces/ns/configmaps";
  expect({{"DELETE", kPods, "delete filtered " + kPods + "?labelSelector=" + kAdded},
          {"DELETE", kPods + "?fieldSelector=metadata.name%3Dx",
           "delete filtered " + kPods + "?fieldSelector=metadata.name%3Dx&labelSelector=" + kAdded},
          {"DELETE", kPods + "?labelSelector=a", "delete filtered " + kPods + "?labelSelector=a%2C" + kAdded},
          {"DELETE", maps, "delete filtered " + maps + "?labelSelector=" + kAdded}},  // view "all" is about reading
         ring());
}

TEST(RequestFilter, WritesOfRingResourcesAreMutations) {
  const std::string deployments = "/apis/apps/v1/namespaces/ns/deployments";
  expect({{"POST", deployments, "mutate create apps/deployments ns/ main"},
          {"PUT", deployments + "/x", "mutate update apps/deployments ns/x main"},
          {"PATCH", deployments + "/x?fieldManager=m", "mutate patch apps/deployments ns/x main"},
          {"DELETE", deployments + "/x", "mutate delete apps/deployments ns/x main"},
          {"PUT", deployments + "/x/status", "mutate update apps/deployments ns/x/status main"},
          {"PATCH", deployments + "/x/scale", "mutate patch apps/deployments ns/x/scale main"},
          {"POST", "/api/v1/namespaces/ns/configmaps", "mutate create /configmaps ns/ controlled"},
          {"POST", kPods + "/x/eviction", "mutate create /pods ns/x/eviction controlled"},
          {"POST", kPods + "/x/exec?command=ls", "mutate create /pods ns/x/exec controlled"},
          {"GET", kPods + "/x/exec?command=ls", "mutate get /pods ns/x/exec controlled"},
          {"GET", kPods + "/x/attach", "mutate get /pods ns/x/attach controlled"},
          {"POST", kPods + "/x/portforward", "mutate create /pods ns/x/portforward controlled"},
          {"GET", kPods + "/x/log?follow=true", "pass"},
          {"POST", kPods + "/x/proxy/a", "pass"},
          {"DELETE", kPods + "/x/proxy/a", "pass"},
          {"POST", "/apis/example.com/v1/clusters", "mutate create example.com/clusters / main"},
          // The path of a Namespace names a namespace; the object is in none.
          {"POST", "/api/v1/namespaces", "mutate create /namespaces / main"},
          {"PATCH", "/api/v1/namespaces/x", "mutate patch /namespaces /x main"},
          {"PUT", "/api/v1/namespaces/x/finalize", "mutate update /namespaces /x/finalize main"}},
         ring());
}

TEST(RequestFilter, EverythingElsePasses) {
  expect({{"GET", "/", "pass"},
          {"GET", "/apis/apps/v1", "pass"},
          {"GET", "/api/v1/namespaces/ns/configmaps", "pass"},  // view "all"
          {"GET", "/apis/extensions/v1/deployments", "pass"},
          {"GET", "/api/v1/deployments", "pass"},
          {"POST", "/api/v1/namespaces/ns/services", "pass"},
          {"DELETE", "/api/v1/namespaces/ns/services", "pass"},
          {"GET", "/api/v1/proxy/namespaces/ns/pods/x", "pass"},
          {"OPTIONS", kPods, "pass"},
          {"GET", "/apis/coordination.k8s.io/v1/leases", "pass"},
          {"GET", "/api/v1/namespaces/ns/watch", "pass"}},
         ring());
}

TEST(RequestFilter, LeasesAreForTheBridge) {
  const std::string leases = "/apis/coordination.k8s.io/v1/namespaces/ns/leases";
  const std::vector<Case> cases{{"GET", leases + "/x", "lease get ns/x"},
                                {"PUT", leases + "/x", "lease update ns/x"},
                                {"PATCH", leases + "/x", "lease patch ns/x"},
                                {"DELETE", leases + "/x", "lease delete ns/x"},
                                {"POST", leases, "lease create ns/"},
                                {"GET", leases, "pass"},
                                {"GET", leases + "?watch=1&fieldSelector=metadata.name%3Dx", "pass"},
                                {"DELETE", leases, "pass"}};
  expect(cases, ring());
  expect(cases, RingResources());
  RingResources sharded({{{"coordination.k8s.io", "leases"}, false, true, true, false}});
  expect({{"GET", leases + "/x", "lease get ns/x"},
          {"PUT", leases + "/x", "lease update ns/x else mutate update coordination.k8s.io/leases ns/x controlled"},
          {"GET", leases, "filter " + leases + "?labelSelector=" + kAdded}},
         sharded);
}

TEST(RequestFilter, FailsClosedWhileTheRingIsUnknown) {
  expect({{"GET", "/", "pass"},
          {"GET", "/api", "pass"},
          {"GET", "/apis/apps/v1", "pass"},
          {"GET", "/healthz", "pass"},
          {"GET", kPods, "unavailable"},
          {"GET", kPods + "?watch=1", "unavailable"},
          {"GET", "/api/v1/watch/nodes", "unavailable"},
          {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Dx", "unavailable"},
          {"GET", kPods + "?fieldSelector=metadata.name%3Dx", "pass"},
          {"GET", kPods + "/x", "pass"},
          {"POST", kPods, "unavailable"},
          {"PUT", kPods + "/x", "unavailable"},
          {"PATCH", kPods + "/x/status", "unavailable"},
          {"DELETE", kPods + "/x", "unavailable"},
          {"DELETE", kPods, "unavailable"},
          {"POST", kPods + "/x/exec", "unavailable"},
          {"GET", kPods + "/x/portforward", "unavailable"},
          {"GET", kPods + "/x/log", "pass"},
          {"POST", "/api/v1/namespaces/ns/serviceaccounts/x/token", "pass"},
          {"POST", "/api/v1/namespaces/ns/events", "pass"},
          {"POST", "/apis/events.k8s.io/v1/namespaces/ns/events", "pass"},
          {"POST", "/apis/example.com/v1/namespaces/ns/events", "unavailable"},
          {"GET", "/api/v1/namespaces/ns/events", "unavailable"},
          {"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "pass"},
          {"POST", "/apis/authentication.k8s.io/v1/tokenreviews", "pass"},
          {"GET", "/apis/coordination.k8s.io/v1/leases", "pass"}},
         RingResources());
}

TEST(RequestFilter, ACollectionIsPinnedToTheVersionThatWasLookedAt) {
  const std::string pin = "resourceVersion=7&resourceVersionMatch=Exact";
  auto target = [](std::string_view before, bool has_body = true, std::string_view version = "7") {
    auto pinned = pin_to_version(before, has_body, version);
    return pinned ? pinned->target : "as it is";
  };
  EXPECT_EQ(target("/a?labelSelector=b"), "/a?labelSelector=b&" + pin);
  EXPECT_EQ(target("/a"), "/a?" + pin);
  EXPECT_EQ(target("/a?"), "/a?" + pin);
  EXPECT_EQ(target("/a?b=c", true, ""), "as it is") << "nothing was looked at";
  for (const char* own : {"/a?resourceVersion=1", "/a?x&resourceVersionMatch=NotOlderThan", "/a?continue=t"}) {
    EXPECT_EQ(target(own), "as it is");
  }
  EXPECT_EQ(target("/a?" + std::string(kube::kMaxQueryParameters - 2, '&')), "as it is");
  EXPECT_EQ(pin_to_version("/a", true, "7")->body, "");
  EXPECT_EQ(pin_to_version("/a", false, "7")->body, R"({"kind":"DeleteOptions","apiVersion":"v1"})");
  EXPECT_EQ(target("/a?dryRun=All", false), "as it is") << "the query alone says it";
  EXPECT_EQ(target("/a?dryRun=All", true), "/a?dryRun=All&" + pin) << "the body does";
}

TEST(RequestFilter, AnEmptyRingIsKnown) {
  EXPECT_EQ(describe(decide("GET", kPods, RingResources(std::vector<RingResource>()))), "pass");
  EXPECT_EQ(describe(decide("POST", kPods, RingResources(std::vector<RingResource>()))), "pass");
}

}  // namespace
}  // namespace ringside::sidecar
