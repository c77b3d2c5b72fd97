#include "http/opened_streams.h"

#include <gtest/gtest.h>

namespace ringside::http {
namespace {

TEST(OpenedStreams, NothingIsPassedOverByCountingUp) {
  OpenedStreams streams;
  for (int32_t id = 1; id < 100; id += 2) streams.note(id);
  for (int32_t id = 1; id < 200; id += 2) EXPECT_FALSE(streams.passed_over(id)) << id;
}

TEST(OpenedStreams, LeapsPassOver) {
  OpenedStreams streams;
  for (int32_t id : {5, 7, 13}) streams.note(id);
  for (int32_t id : {1, 3, 9, 11}) EXPECT_TRUE(streams.passed_over(id)) << id;
  for (int32_t id : {5, 7, 13, 15}) EXPECT_FALSE(streams.passed_over(id)) << id;
}

TEST(OpenedStreams, RemembersTheLatestLeaps) {
  OpenedStreams streams;
  for (int32_t id = 1; id < 100'001; id += 100) streams.note(id);
  EXPECT_FALSE(streams.passed_over(3));
  EXPECT_TRUE(streams.passed_over(99'899));
}

}  // namespace
}  // namespace ringside::http
