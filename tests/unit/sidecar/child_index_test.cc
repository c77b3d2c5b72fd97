#include "sidecar/child_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::sidecar {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const kube::GroupResource kSecrets = {.group = "", .resource = "secrets"};
const kube::GroupResource kJobs = {.group = "batch", .resource = "jobs"};

kube::OwnerReference owner_reference(std::string uid, bool controller) {
  kube::OwnerReference reference;
  reference.uid = std::move(uid);
  reference.controller = controller;
  return reference;
}

kube::ObjectMeta meta(std::string name, std::string owner_uid, std::string version = "1") {
  kube::ObjectMeta result;
  result.ns = "d";
  result.name = std::move(name);
  result.resource_version = std::move(version);
  result.owner_references = {owner_reference("not-the-controller", false), owner_reference(std::move(owner_uid), true)};
  return result;
}

std::vector<std::string> names(const ChildIndex& index, const std::string& uid) {
  std::vector<std::string> result;
  for (const ObjectRef* child : index.children_of(uid)) result.push_back(child->name);
  return result;
}

TEST(ChildIndexTest, IsReadyWhenEveryResourceIsListed) {
  ChildIndex index({kSecrets, kJobs});
  EXPECT_FALSE(index.ready());
  index.begin_list(kSecrets);
  index.end_list(kSecrets);
  index.begin_list(kJobs);
  EXPECT_FALSE(index.ready());
  index.end_list(kJobs);
  EXPECT_TRUE(index.ready());
  index.begin_list(kSecrets);
  EXPECT_FALSE(index.ready());
  EXPECT_TRUE(ChildIndex({}).ready());
}

TEST(ChildIndexTest, KnowsChildrenByTheirController) {
  ChildIndex index({kSecrets});
  index.upsert(kSecrets, meta("b", "u1"));
  index.upsert(kSecrets, meta("a", "u1"));
  index.upsert(kSecrets, meta("c", "u2", "7"));
  index.upsert(kJobs, meta("untracked", "u1"));
  EXPECT_THAT(names(index, "u1"), ElementsAre("a", "b"));
  EXPECT_EQ(*index.resource_version({.resource = kSecrets, .ns = "d", .name = "c"}), "7");
  index.upsert(kSecrets, meta("a", "u2"));
  EXPECT_THAT(names(index, "u2"), ElementsAre("a", "c"));
  index.remove({.resource = kSecrets, .ns = "d", .name = "a"});
  kube::ObjectMeta orphan = meta("c", "u2");
  orphan.owner_references.pop_back();
  index.upsert(kSecrets, orphan);
  EXPECT_THAT(names(index, "u2"), IsEmpty());
  index.clear();
  EXPECT_THAT(names(index, "u1"), IsEmpty());
}

TEST(ChildIndexTest, AListDropsWhatItDoesNotHave) {
  ChildIndex index({kSecrets, kJobs});
  index.upsert(kSecrets, meta("a", "u"));
  index.upsert(kSecrets, meta("b", "u"));
  index.upsert(kJobs, meta("job", "u"));
  index.begin_list(kSecrets);
  index.upsert(kSecrets, meta("b", "u", "2"));
  EXPECT_THAT(names(index, "u"), ElementsAre("a", "b", "job"));
  index.end_list(kSecrets);
  EXPECT_THAT(names(index, "u"), ElementsAre("b", "job"));
}

}  // namespace
}  // namespace ringside::sidecar
