#include "sidecar/serviceaccount_dir.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "event/simulated_loop.h"

namespace ringside::sidecar {
namespace {

namespace fs = std::filesystem;

class ServiceAccountDirTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ringside-sa-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    fs::create_directories(root_ / "source");
    fs::create_directories(root_ / "target");
    put("ca.crt", "CLUSTER");
    put("namespace", "default");
    put("token", "one");
  }
  void TearDown() override { fs::remove_all(root_); }

  void put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_atomically((root_ / "source" / name).string(), text, 0600));
  }
  std::string seen(const std::string& name) {
    return read_file((root_ / "target" / name).string()).value_or("missing");
  }
  Result<ServiceAccountDir> create() {
    return ServiceAccountDir::create(
        loop_, Logger(),
        {.source = (root_ / "source").string(), .target = (root_ / "target").string(), .sidecar_ca_pem = "OURS\n"});
  }

  event::SimulatedLoop loop_;
  fs::path root_;
};

TEST_F(ServiceAccountDirTest, TrustsTheSidecarAndTheCluster) {
  auto dir = create();
  ASSERT_TRUE(dir) << dir.error().message;
  EXPECT_EQ(seen("ca.crt"), "OURS\nCLUSTER");
  EXPECT_EQ(seen("namespace"), "default");
  EXPECT_EQ(seen("token"), "one");
  auto mode = fs::status(root_ / "target" / "token").permissions();
  EXPECT_NE(mode & fs::perms::others_read, fs::perms::none) << "the app may run as any user";
}

TEST_F(ServiceAccountDirTest, FollowsTheKubeletAndLeavesNothingBehind) {
  auto dir = create();
  ASSERT_TRUE(dir);
  for (int round = 0; round < 3; ++round) {
    std::string token = "token " + std::to_string(round);
    put("token", token);
    loop_.advance(std::chrono::seconds(6));
    EXPECT_EQ(seen("token"), token);
  }
  size_t folders = 0;
  for (const auto& entry : fs::directory_iterator(root_ / "target")) {
    if (fs::is_directory(entry.symlink_status())) ++folders;
  }
  EXPECT_EQ(folders, 1U) << "the folders of earlier tokens are gone";
}

TEST_F(ServiceAccountDirTest, KeepsTheLastFilesWhileTheSourceIsBroken) {
  auto dir = create();
  ASSERT_TRUE(dir);
  fs::remove(root_ / "source" / "token");
  loop_.advance(std::chrono::seconds(20));
  EXPECT_EQ(seen("token"), "one");
  put("token", "two");
  loop_.advance(std::chrono::seconds(6));
  EXPECT_EQ(seen("token"), "two");
}

TEST_F(ServiceAccountDirTest, NamesTheFileThatIsMissing) {
  fs::remove(root_ / "source" / "token");
  auto dir = create();
  ASSERT_FALSE(dir);
  EXPECT_EQ(dir.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(dir.error().message.find("/source/token"), std::string::npos);
}

}  // namespace
}  // namespace ringside::sidecar
