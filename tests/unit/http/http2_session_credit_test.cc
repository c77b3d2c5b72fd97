// A reader that stops holds its own stream up, and no more in memory than its window.
#include <gtest/gtest.h>

#include "tests/unit/http/http2_session_fixture.h"

#if defined(__SANITIZE_ADDRESS__) || (defined(__has_feature) && __has_feature(address_sanitizer))
#include <sanitizer/allocator_interface.h>
#define RINGSIDE_COUNTS_MEMORY 1
#endif

namespace ringside::http {
namespace {

TEST_F(Http2SessionTest, WithheldCreditStopsTheSenderAtTheWindow) {
  constexpr size_t kWindow = 32 << 10;
  connect({.stream_window = kWindow}, {.stream_window = kWindow});
  auto request = start(post(), false);
  request->credits = false;
  exchange();
  requests[0]->credits = false;
  request->stream->send_body(std::string(500'000, 'u'));
  requests[0]->stream->send_response({200, {}}, false);
  requests[0]->stream->send_body(std::string(500'000, 'd'));
  exchange();
  EXPECT_EQ(request->body.size(), kWindow);
  EXPECT_EQ(requests[0]->body.size(), kWindow);
  EXPECT_EQ(request->stream->unsent(), 500'000 - kWindow);

  request->stream->credit(kWindow);
  exchange();
  EXPECT_EQ(request->body.size(), 2 * kWindow);
  EXPECT_EQ(requests[0]->body.size(), kWindow);
}

TEST_F(Http2SessionTest, StoppedStreamsDoNotStopOthers) {
  on_request = [](Record& record) {
    record.stream->send_response({200, {}}, false);
    record.stream->send_body(std::string(1 << 20, 'x'));
    record.stream->send_end();
  };
  std::vector<std::shared_ptr<Record>> stopped;
  for (int i = 0; i < 90; ++i) {  // 90 windows of 128 KiB: more than the connection's window
    stopped.push_back(start(get(), true));
    stopped.back()->credits = false;
  }
  exchange();
  auto free = start(get(), true);
  exchange();
  EXPECT_EQ(free->body.size(), 1u << 20);
  EXPECT_TRUE(free->ended);
  for (auto& record : stopped) EXPECT_EQ(record->body.size(), 128u << 10);
}

#ifdef RINGSIDE_COUNTS_MEMORY
TEST_F(Http2SessionTest, LongStreamNeedsTheMemoryOfItsWindow) {
  // A sender that keeps its queue filled, as the sidecar does: it sends as much as has been taken.
  auto request = start(get(), true);
  exchange();
  Record& sender = *requests[0];
  sender.hook = [&, reported = size_t(0)](const std::string& call) mutable {
    if (call != "sent") return;
    sender.stream->send_body(std::string(sender.sent - reported, 'x'));
    reported = sender.sent;
  };
  sender.stream->send_response({200, {}}, false);
  sender.stream->send_body(std::string(256 << 10, 'x'));
  request->hook = [&](const std::string&) { request->body.clear(); };
  for (int i = 0; i < 20; ++i) move(*server, *client, 1 << 20), move(*client, *server, 1 << 20);
  size_t before = __sanitizer_get_current_allocated_bytes();
  for (int i = 0; i < 500; ++i) move(*server, *client, 1 << 20), move(*client, *server, 1 << 20);
  EXPECT_GT(sender.sent, 10u << 20);
  EXPECT_LT(__sanitizer_get_current_allocated_bytes(), before + (1 << 20));
}
#endif

}  // namespace
}  // namespace ringside::http
