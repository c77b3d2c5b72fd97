#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace ringside {
namespace {

class FileTest : public ::testing::Test {
 protected:
  FileTest() : folder_(std::filesystem::temp_directory_path() / ("ringside-file-test-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~FileTest() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(FileTest, WritesReadsAndReplaces) {
  std::string path = folder_ / "file", contents("a\0b\n", 4);
  mode_t before = ::umask(077);
  ASSERT_TRUE(write_file_atomically(path, contents, 0644));
  ::umask(before);
  EXPECT_EQ(read_file(path).value(), contents);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0644u);
  ASSERT_TRUE(write_file_atomically(path, "new", 0600));
  EXPECT_EQ(read_file(path).value(), "new");
  ASSERT_TRUE(write_file_atomically(path, "", 0600));
  EXPECT_EQ(read_file(path).value(), "");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);  // nothing is left beside it
}

TEST_F(FileTest, ErrorsNameThePath) {
  std::string missing = folder_ / "missing";
  EXPECT_EQ(read_file(missing).error().kind, ErrorKind::kNotFound);
  EXPECT_NE(read_file(missing).error().message.find(missing), std::string::npos);
  EXPECT_FALSE(read_file(folder_));
  EXPECT_EQ(write_file_atomically(folder_ / "no" / "file", "x", 0600).error().kind, ErrorKind::kNotFound);
  std::filesystem::create_directories(folder_ / "taken");
  EXPECT_FALSE(write_file_atomically(folder_ / "taken", "x", 0600));
}

TEST_F(FileTest, HugeFileIsInvalid) {
  std::string path = folder_ / "huge";
  ASSERT_TRUE(write_file_atomically(path, std::string((16 << 20) + 1, 'x'), 0600));
  EXPECT_EQ(read_file(path).error().kind, ErrorKind::kInvalid);
  ASSERT_TRUE(write_file_atomically(path, std::string(16 << 20, 'x'), 0600));
  EXPECT_TRUE(read_file(path));
}

}  // namespace
}  // namespace ringside
