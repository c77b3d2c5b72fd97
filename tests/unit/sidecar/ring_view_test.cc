#include "sidecar/ring_view.h"

#include <gtest/gtest.h>

#include "tests/support/fake_api.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;
using testing::answer;
using testing::FakeApi;
using testing::Record;

constexpr std::string_view kRings = R"({"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"r","uid":"u",
  "resourceVersion":"1"},"spec":{"resources":[{"group":"x.io","resource":"late"},
  {"group":"x.io","resource":"widgets","controlledResources":[{"resource":"configmaps"},{"resource":"nodes"}]},
  {"resource":"namespaces"}]}}]})";
constexpr std::string_view kCore = R"({"resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true},
  {"name":"nodes","kind":"Node","namespaced":false},{"name":"namespaces","kind":"Namespace","namespaced":false}]})";
constexpr std::string_view kGroup =
    R"({"name":"x.io","versions":[{"groupVersion":"x.io/v1","version":"v1"}],"preferredVersion":{"version":"v1"}})";

class RingViewTest : public ::testing::Test {
 protected:
  RingViewTest() {
    api_.on_request = [this](Record& request) { serve(request); };
  }

  void serve(Record& request) {
    std::string_view path = request.request.path;
    if (path.find("watch=") != path.npos) return;  // nothing happens
    if (path.find("controllerrings") != path.npos) return answer(request, 200, kRings);
    if (path == "/api/v1") return answer(request, 200, kCore);
    if (path == "/apis/x.io") return answer(request, 200, kGroup);
    ASSERT_EQ(path, "/apis/x.io/v1");
    std::string late = crd_is_there_ ? R"(,{"name":"late","kind":"Late","namespaced":false})" : "";
    answer(request, 200, R"({"resources":[{"name":"widgets","kind":"Widget","namespaced":false})" + late + "]}");
  }

  bool cluster_scoped(std::string_view group, std::string_view resource) {
    const RingResource* found = view_.resources().find(group, resource);
    EXPECT_NE(found, nullptr) << resource;
    return found != nullptr && found->cluster_scoped;
  }

  FakeApi api_;
  bool crd_is_there_ = false;
  int changes_ = 0;
  RingView view_{api_.client, Logger(), "r", {}, [this] { ++changes_; }};
};

TEST_F(RingViewTest, LearnsWhichResourcesAreClusterScoped) {
  EXPECT_FALSE(view_.resources().known());
  api_.loop.run_ready();
  ASSERT_TRUE(view_.resources().known());
  EXPECT_TRUE(cluster_scoped("x.io", "widgets"));
  EXPECT_TRUE(cluster_scoped("", "nodes"));
  EXPECT_TRUE(cluster_scoped("", "namespaces"));
  EXPECT_FALSE(cluster_scoped("", "configmaps"));
  EXPECT_FALSE(cluster_scoped("x.io", "late")) << "not there yet; the others need not wait for it";
  int changes = changes_;
  crd_is_there_ = true;
  api_.loop.advance(5s);
  EXPECT_TRUE(cluster_scoped("x.io", "late"));
  EXPECT_EQ(changes_, changes + 1) << "who judges watches by it is told";
}

TEST(RingResourcesTest, TellsMainFromControlledAndViews) {
  sharding::ControllerRing ring;
  ring.spec.resources = {{{"", "secrets"}, {{"", "configmaps"}, {"apps", "deployments"}}},
                         {{"apps", "deployments"}, {}}};
  RingResources resources = to_ring_resources(ring, {{"", "configmaps"}});
  ASSERT_TRUE(resources.known());
  EXPECT_TRUE(resources.find("", "secrets")->is_main);
  EXPECT_FALSE(resources.find("", "secrets")->is_controlled);
  EXPECT_TRUE(resources.find("", "secrets")->filtered);
  EXPECT_FALSE(resources.find("", "configmaps")->filtered);
  EXPECT_TRUE(resources.find("apps", "deployments")->is_main);
  EXPECT_TRUE(resources.find("apps", "deployments")->is_controlled);
  EXPECT_EQ(resources.find("", "pods"), nullptr);
}

TEST(RingResourcesTest, NamespacesAreClusterScopedFromTheStart) {
  sharding::ControllerRing ring;
  ring.spec.resources = {{.resource = {"", "namespaces"}, .controlled = {{"", "configmaps"}}}};
  RingResources resources = to_ring_resources(ring, {});
  EXPECT_TRUE(resources.find("", "namespaces")->cluster_scoped);
  EXPECT_FALSE(resources.find("", "configmaps")->cluster_scoped);
}

}  // namespace
}  // namespace ringside::sidecar
