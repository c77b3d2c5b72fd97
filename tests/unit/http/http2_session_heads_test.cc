// How large a head may be, and what becomes of one that is larger.
#include <gtest/gtest.h>

#include "tests/unit/http/http2_session_fixture.h"

namespace ringside::http {
namespace {

TEST_F(Http2SessionTest, HeadThatIsTooLargeIsAnsweredAndTheConnectionGoesOn) {
  connect({.max_header_bytes = 2000}, {});
  RequestHead head = get();
  head.headers.add("x", std::string(3000, 'x'));
  head.headers.add("y", "z");
  auto large = start(head, true), with_body = start(head, false), small = start(get(), true);
  exchange();
  for (auto& record : {large, with_body}) {
    ASSERT_TRUE(record->response);
    EXPECT_EQ(record->response->status, 431);
    EXPECT_TRUE(record->ended);
  }
  ASSERT_EQ(requests.size(), 1u);
  requests[0]->stream->send_response({200, {}}, true);
  exchange();
  EXPECT_TRUE(small->ended);
  EXPECT_EQ(server->open_streams(), 0u);
}

TEST_F(Http2SessionTest, AnswersHeadThatIsTooLargeEndsThatStreamOnly) {
  connect({}, {.max_header_bytes = 2000});
  auto large = start(get(), true), small = start(get(), true);
  exchange();
  requests[0]->stream->send_response({200, {{"x", std::string(3000, 'x')}}}, true);
  requests[1]->stream->send_response({200, {}}, true);
  exchange();
  EXPECT_FALSE(large->response);
  EXPECT_TRUE(large->closed);
  EXPECT_TRUE(small->ended);
}

// Many times the frames into which a head may be cut, in both directions, and up to the last byte.
TEST_F(Http2SessionTest, LargeHeads) {
  struct Case {
    size_t limit, piece;
  };
  for (auto [limit, piece] : {Case{100 << 10, 1}, Case{1 << 20, 1000}, Case{1 << 20, 1 << 20}}) {
    connect({.max_header_bytes = limit}, {.max_header_bytes = limit});
    RequestHead head = get();
    while (header_list_size(head) < limit - 50'000) head.headers.add("x", std::string(40'000, '~'));
    head.headers.add("y", "");
    head.headers.set("y", std::string(limit - header_list_size(head), '~'));
    auto request = start(head, true);
    exchange(piece);
    ASSERT_FALSE(requests.empty());
    ASSERT_EQ(requests.back()->request.headers.size(), head.headers.size());
    requests.back()->stream->send_response({200, head.headers}, true);
    exchange(piece);
    ASSERT_TRUE(request->response);
    EXPECT_EQ(request->response->headers.size(), head.headers.size());

    head.headers.set("y", std::string(head.headers.get("y")->size() + 1, '~'));
    auto larger = start(head, true);
    exchange(piece);
    ASSERT_TRUE(larger->response);
    EXPECT_EQ(larger->response->status, 431);
    requests.clear();
  }
}

// nghttp2's own limit, which cannot be set.
TEST_F(Http2SessionTest, FieldOver64KiBEndsTheConnection) {
  for (size_t size : {64 << 10, (64 << 10) + 1}) {
    connect({.max_header_bytes = 1 << 20}, {.max_header_bytes = 1 << 20});
    RequestHead head = get();
    head.headers.add("x", std::string(size, '~'));
    start(head, true);
    exchange();
    EXPECT_EQ(client->draining(), size > 64 << 10);
  }
}

TEST_F(Http2SessionTest, HeadWithoutRoomIsAnsweredAndTheConnectionGoesOn) {
  HeadBudget::Share other(&budget);
  ASSERT_TRUE(other.try_hold(HeadBudget::kFree + 100'000));
  connect({.max_header_bytes = 1 << 20, .head_budget = &budget}, {.max_header_bytes = 1 << 20});
  RequestHead head = get();
  for (int i = 0; i < 5; ++i) head.headers.add("x", std::string(30'000, '~'));
  auto large = start(head, true), small = start(get(), true);
  exchange();
  ASSERT_TRUE(large->response);
  EXPECT_EQ(large->response->status, 503);
  EXPECT_EQ(requests.size(), 1u);
  other.release();
  for (int i = 0; i < 10; ++i) {  // what is complete is in the budget no more
    start(head, true);
    exchange();
    EXPECT_EQ(requests.size(), size_t(i) + 2);
  }
}

}  // namespace
}  // namespace ringside::http
