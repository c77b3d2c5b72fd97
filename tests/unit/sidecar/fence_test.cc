#include "sidecar/fence.h"

#include <gtest/gtest.h>

namespace ringside::sidecar {
namespace {

const kube::GroupResource kDeployments = {.group = "apps", .resource = "deployments"};
const kube::GroupResource kSecrets = {.group = "", .resource = "secrets"};
const ObjectRef kX = {.resource = kDeployments, .ns = "d", .name = "x"};
const ObjectRef kChild = {.resource = kSecrets, .ns = "d", .name = "child"};
const std::vector<kube::OwnerReference> kOwnedByX = {
    {.api_version = "apps/v1", .kind = "Deployment", .name = "x", .uid = "uid-x"}};

TEST(FenceTest, BlocksTheObjectItsChildrenAndTheirCreation) {
  Fence fence;
  EXPECT_TRUE(fence.try_change(kX));
  fence.close(kX, "uid-x");
  fence.add_child(kX, kChild);
  EXPECT_FALSE(fence.try_change(kX));
  EXPECT_FALSE(fence.try_change(kChild));
  EXPECT_FALSE(fence.try_create(kOwnedByX));
  EXPECT_TRUE(fence.try_change({.resource = kDeployments, .ns = "e", .name = "x"}));
  EXPECT_TRUE(fence.try_create({}));
  EXPECT_EQ(*fence.main_object_of(kChild), kX);
  EXPECT_EQ(*fence.owner_among(kOwnedByX), kX);
  fence.lift(kX);
  EXPECT_TRUE(fence.try_change(kX));
  EXPECT_TRUE(fence.try_change(kChild));
  EXPECT_TRUE(fence.try_create(kOwnedByX));
}

TEST(FenceTest, BlocksCollectionsOnlyWhileObjectsAreHandedOver) {
  Fence fence;
  fence.close(kX, "uid-x");
  fence.add_child(kX, kChild);
  EXPECT_FALSE(fence.try_delete_collection(kDeployments));
  EXPECT_FALSE(fence.try_delete_collection(kSecrets));
  EXPECT_TRUE(fence.try_delete_collection({.group = "", .resource = "configmaps"}));
  fence.bury(kX);
  EXPECT_TRUE(fence.try_delete_collection(kDeployments));
  EXPECT_FALSE(fence.try_change(kX));
}

TEST(FenceTest, IsBusyWithRequestsThatBeganBefore) {
  Fence fence;
  std::optional<InFlight> change = fence.try_change(kX), change_again = fence.try_change(kX);
  std::optional<InFlight> child_change = fence.try_change(kChild);
  std::optional<InFlight> create = fence.try_create(kOwnedByX);
  std::optional<InFlight> unread = fence.create_unread();
  fence.close(kX, "uid-x");
  InFlight later = fence.create_unread();
  for (std::optional<InFlight>* ticket : {&change, &change_again, &create, &unread}) {
    EXPECT_TRUE(fence.busy(kX));
    ticket->reset();
  }
  EXPECT_FALSE(fence.busy(kX));
  fence.add_child(kX, kChild);
  EXPECT_TRUE(fence.busy(kX));
  child_change.reset();
  EXPECT_FALSE(fence.busy(kX));
}

TEST(FenceTest, TicketsMove) {
  Fence fence;
  std::optional<InFlight> ticket = fence.try_change(kX);
  InFlight moved = std::move(*ticket);
  ticket.reset();
  fence.close(kX, "uid-x");
  EXPECT_TRUE(fence.busy(kX));
  moved = fence.create_unread();
  EXPECT_FALSE(fence.busy(kX));
}

TEST(FenceTest, ForgetsSingleChildren) {
  Fence fence;
  fence.close(kX, "uid-x");
  fence.add_child(kX, kChild);
  EXPECT_EQ(fence.child_count(kX), 1u);
  fence.remove_child(kChild);
  fence.remove_child(kChild);
  EXPECT_FALSE(fence.blocks(kChild));
  EXPECT_EQ(fence.child_count(kX), 0u);
  fence.lift_all();
  EXPECT_FALSE(fence.blocks(kX));
}

}  // namespace
}  // namespace ringside::sidecar
