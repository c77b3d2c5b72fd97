#include "base/base64.h"

#include <gtest/gtest.h>

namespace ringside {
namespace {

TEST(Base64Test, VectorsOfTheRfc) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(parse_base64(text).value(), bytes);
  }
}

TEST(Base64Test, EveryByteComesBack) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes.push_back(char(i * 7));
  EXPECT_EQ(parse_base64(to_base64(bytes)).value(), bytes);
}

TEST(Base64Test, WhiteSpaceIsSkipped) {
  EXPECT_EQ(parse_base64("Zm9v\n  Ym\r\nFy\n").value(), "foobar");
}

TEST(Base64Test, MalformedIsInvalid) {
  for (std::string text : {"Z", "Zg", "Zg=", "Zg===", "=", "Zg==Zg==", "Zm9v!", "Zm-v", "Z=9v"}) {
    auto bytes = parse_base64(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().kind, ErrorKind::kInvalid);
  }
}

}  // namespace
}  // namespace ringside
