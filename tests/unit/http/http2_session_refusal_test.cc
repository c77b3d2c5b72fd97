// Streams that the peer does not take: it drains, or has as many as it wants.
#include <gtest/gtest.h>

#include "tests/unit/http/http2_session_fixture.h"

namespace ringside::http {
namespace {

TEST_F(Http2SessionTest, DrainLetsOpenStreamsEndAndRefusesTheRest) {
  auto open = start(post(), false);
  exchange();
  server->drain();
  // In the same turn, before the GOAWAY is on its way, a request comes that it does not name.
  auto late = start(get(), true);
  move(*client, *server, 1 << 20);
  exchange();
  EXPECT_TRUE(client->draining());
  EXPECT_FALSE(client->can_start());
  if (requests.size() == 2) {  // it made it before the GOAWAY: then it is not refused
    EXPECT_FALSE(late->closed);
    requests[1]->stream->send_response({200, {}}, true);
  }
  open->stream->send_end();
  exchange();
  requests[0]->stream->send_response({200, {}}, true);
  exchange();
  EXPECT_TRUE(open->ended);
  EXPECT_FALSE(open->closed);
  EXPECT_EQ(client->open_streams() + server->open_streams(), 0u);
}

TEST_F(Http2SessionTest, RequestsThatTheGoawayDoesNotCoverAreRefused) {
  exchange();
  server->drain();
  std::string goaway;
  server->take_output(goaway, 1 << 20);
  auto late = start(get(), true);    // sent before the GOAWAY arrives
  auto queued = start(get(), true);  // not sent yet
  std::string sent;
  client->take_output(sent, 1);
  ASSERT_TRUE(client->receive(goaway));
  ASSERT_TRUE(server->receive(sent));
  exchange();
  for (auto& record : {late, queued}) {
    ASSERT_TRUE(record->closed);
    EXPECT_EQ(record->closed->kind, ErrorKind::kRefused);
  }
  EXPECT_TRUE(requests.empty());
  EXPECT_EQ(client->open_streams(), 0u);
}

TEST_F(Http2SessionTest, PeersLimitOfStreamsIsKept) {
  connect({.max_concurrent_streams = 3}, {});
  exchange();
  std::vector<std::shared_ptr<Record>> open;
  while (client->can_start()) open.push_back(start(get(), true));
  EXPECT_EQ(open.size(), 3u);
  handlers.push_back(std::make_unique<RecordingHandler>(std::make_shared<Record>()));
  EXPECT_EQ(client->start(get(), true, *handlers.back()), nullptr);
  exchange();
  requests[0]->stream->send_response({200, {}}, true);
  exchange();
  EXPECT_TRUE(client->can_start());
}

TEST_F(Http2SessionTest, StreamsStartedBeforeTheLimitWasKnownWait) {
  connect({.max_concurrent_streams = 3}, {});
  std::vector<std::shared_ptr<Record>> open;
  for (int i = 0; i < 10; ++i) open.push_back(start(get(), true));
  on_request = [](Record& record) { record.stream->send_response({200, {}}, true); };
  exchange();
  for (auto& record : open) EXPECT_TRUE(record->ended || record->closed->kind == ErrorKind::kRefused);
  EXPECT_EQ(client->open_streams(), 0u);
}

}  // namespace
}  // namespace ringside::http
