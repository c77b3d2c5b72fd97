#include "kube/envelope.h"

#include <gtest/gtest.h>

#include "support/hex.h"

namespace ringside::kube {
namespace {

using testing::from_hex;
using testing::to_hex;

// The bytes are those of k8s.io/apimachinery v0.36.3.
TEST(Envelope, IsByteForByteThatOfKubernetes) {
  EXPECT_EQ(to_hex(to_body(Envelope{"v1", "Status", "abc"})), "6b3873000a0c0a027631120653746174757312036162631a002200");
}

TEST(Envelope, ReadsWhatItWrites) {
  auto envelope = open_envelope(to_body(Envelope{"apps/v1", "Deployment", std::string("\0\xff", 2)}));
  ASSERT_TRUE(envelope) << envelope.error().message;
  EXPECT_EQ(envelope->api_version, "apps/v1");
  EXPECT_EQ(envelope->kind, "Deployment");
  EXPECT_EQ(envelope->raw, std::string("\0\xff", 2));
}

TEST(Envelope, RefusesWhatIsNone) {
  // The last one says that its contentEncoding is gzip.
  for (auto hex : {"", "6b3873", "7b7d", "6b387300ff", "6b3873000aff", "6b3873001a04677a6970"}) {
    auto envelope = open_envelope(from_hex(hex));
    ASSERT_FALSE(envelope) << hex;
    EXPECT_EQ(envelope.error().kind, ErrorKind::kInvalid);
  }
}

}  // namespace
}  // namespace ringside::kube
