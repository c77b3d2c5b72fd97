// Streams that end before their time: reset, dropped, or closed with the session.
#include <gtest/gtest.h>

#include "tests/unit/http/http2_session_fixture.h"

namespace ringside::http {
namespace {

TEST_F(Http2SessionTest, ResetByEitherSideInEachState) {
  // How far the exchange has come when it is reset.
  const std::vector<std::string> states = {"started",       "accepted",       "request body",
                                           "request ended", "response begun", "response body"};
  for (size_t state = 0; state < states.size(); ++state) {
    for (std::string who : {"client resets", "client drops", "server resets", "server drops"}) {
      SCOPED_TRACE(states[state] + ", " + who);
      requests.clear();
      auto request = start(post(), false);
      if (state >= 1) exchange();
      if (state >= 2) request->stream->send_body("part"), exchange();
      if (state >= 3) request->stream->send_end(), exchange();
      if (state >= 4) requests[0]->stream->send_response({200, {}}, false), exchange();
      if (state >= 5) requests[0]->stream->send_body("part"), exchange();
      bool by_client = who.starts_with("client");
      if (!by_client && requests.empty()) {
        request->stream->reset();
        continue;
      }
      Record& resetter = by_client ? *request : *requests[0];
      if (who.ends_with("resets")) {
        resetter.stream->reset();
      } else {
        resetter.stream.reset();
      }
      exchange();
      EXPECT_FALSE(resetter.closed);
      if (by_client && state == 0) {
        EXPECT_TRUE(requests.empty());  // never sent
      } else {
        Record& other = by_client ? *requests[0] : *request;
        ASSERT_TRUE(other.closed);
        EXPECT_EQ(other.closed->kind, ErrorKind::kCancelled);
        EXPECT_EQ(other.calls.back(), "closed");
        EXPECT_TRUE(requests[0]->handler_destroyed);
      }
      EXPECT_EQ(client->open_streams() + server->open_streams(), 0u);
    }
  }
}

TEST_F(Http2SessionTest, StreamDroppedInEachCallback) {
  for (std::string call : {"response", "body", "end", "sent", "closed"}) {
    for (bool at_server : {false, true}) {
      SCOPED_TRACE(call + (at_server ? " at the server" : " at the client"));
      requests.clear();
      auto drop_at = [call](Record& record) {
        record.hook = [&record, call](const std::string& now) {
          if (now == call) record.stream.reset();
        };
      };
      on_request = [&](Record& record) {
        if (at_server) drop_at(record);
      };
      auto request = start(post(), false);
      if (!at_server) drop_at(*request);
      request->stream->send_body("up");
      exchange(1);
      auto still = [&](Record& record) { return record.stream != nullptr && !record.closed; };
      if (still(*request)) request->stream->send_end();
      exchange(1);
      if (still(*requests[0])) requests[0]->stream->send_response({200, {}}, false);
      exchange(1);
      if (still(*requests[0])) requests[0]->stream->send_body("down");
      exchange(1);
      if (call == "closed" && still(*requests[0])) (at_server ? request : requests[0])->stream->reset();
      if (still(*requests[0])) requests[0]->stream->send_end();
      exchange(1);
      Record& dropper = at_server ? *requests[0] : *request;
      if (call != "response" || !at_server) {
        ASSERT_FALSE(dropper.calls.empty());
        EXPECT_EQ(dropper.calls.back(), call);
      }
      EXPECT_EQ(client->open_streams() + server->open_streams(), 0u);
    }
  }
}

TEST_F(Http2SessionTest, FailClosesEveryStreamAndHandlersMayDropOthers) {
  std::vector<std::shared_ptr<Record>> records;
  for (int i = 0; i < 5; ++i) records.push_back(start(post(), false));
  exchange();
  records[0]->hook = [&](const std::string& call) {
    if (call == "closed") records[3]->stream.reset(), records[0]->stream.reset();
  };
  client->fail({ErrorKind::kDisconnected, "cut"});
  EXPECT_EQ(client->open_streams(), 0u);
  for (int i : {0, 1, 2, 4}) EXPECT_EQ(records[i]->closed->kind, ErrorKind::kDisconnected) << i;
  EXPECT_FALSE(records[3]->closed);
  records[1]->stream->send_body("late");  // harmless
  records[1]->stream->credit(10);
  records[1]->stream->send_end();
  EXPECT_EQ(records[1]->stream->unsent(), 0u);
}

TEST_F(Http2SessionTest, SessionGoneBeforeItsStreams) {
  auto request = start(post(), false);
  exchange();
  client.reset();
  server.reset();
  EXPECT_FALSE(request->closed);
  request->stream->send_body("late");
  request->stream->reset();
  requests[0]->stream->send_response({200, {}}, true);
}

}  // namespace
}  // namespace ringside::http
