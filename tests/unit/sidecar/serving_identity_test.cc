#include "sidecar/serving_identity.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "net/x509.h"

namespace ringside::sidecar {
namespace {

namespace fs = std::filesystem;

class ServingIdentityTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ringside-identity-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Of a sidecar that starts now; it must be sound.
  std::string authority() {
    auto identity = load_or_make_identity(folder_, {"api.example", "10.96.0.1"}, now_);
    EXPECT_TRUE(identity) << identity.error().message;
    auto sound = net::check_serving_certificate(identity->serving, identity->ca_pem,
                                                {"api.example", "10.96.0.1", "127.0.0.1", "kubernetes.default.svc"});
    EXPECT_TRUE(sound) << sound.error().message;
    return identity->ca_pem;
  }
  void put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_atomically(folder_ + "/" + name, text, 0600));
  }

  std::string folder_;
  WallTime now_{std::chrono::hours(24 * 20'000)};
};

TEST_F(ServingIdentityTest, AuthorityIsKept) {
  std::string first = authority();
  now_ += std::chrono::hours(1);
  EXPECT_EQ(authority(), first);
}

TEST_F(ServingIdentityTest, DamagedAuthorityIsReplaced) {
  std::string first = authority();
  put("ca.key", "garbage");
  std::string second = authority();
  EXPECT_NE(second, first);
  put("ca.key", net::make_ca("another", now_, std::chrono::hours(1))->key_pem);
  std::string third = authority();
  EXPECT_NE(third, second);
  put("ca.crt", "");
  EXPECT_NE(authority(), third);
}

}  // namespace
}  // namespace ringside::sidecar
