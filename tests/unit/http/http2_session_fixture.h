// A client's and a server's Http2Session, and what goes between them.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/head_budget.h"
#include "http/http2_session.h"
#include "tests/support/recording_handler.h"

namespace ringside::http {

// The server's side records each request and calls on_request; nothing moves before exchange() or move().
class Http2SessionTest : public ::testing::Test {
 protected:
  using Record = ringside::testing::Record;
  using RecordingHandler = ringside::testing::RecordingHandler;

  Http2SessionTest() { connect({.role = Http2Session::Role::kServer}, {.role = Http2Session::Role::kClient}); }

  // Both anew, with these options; their roles are set here.
  void connect(Http2Session::Options server_options, Http2Session::Options client_options) {
    server_options.role = Http2Session::Role::kServer;
    client_options.role = Http2Session::Role::kClient;
    server = std::make_unique<Http2Session>(
        server_options, Http2Session::Events{.accept = ringside::testing::recording_acceptor(
                                                 requests, [this](Record& record) { on_request(record); })});
    client = std::make_unique<Http2Session>(client_options, Http2Session::Events{.accept = nullptr});
  }

  // Moves bytes both ways, in pieces of `piece` bytes, until there are none.
  void exchange(size_t piece = 1 << 20) {
    for (;;) {
      bool moved = move(*client, *server, piece);
      moved = move(*server, *client, piece) || moved;
      if (!moved) return;
    }
  }

  bool move(Http2Session& from, Http2Session& to, size_t piece) {
    std::string bytes;
    from.take_output(bytes, 64 << 10);
    from.report_sent();
    for (size_t begin = 0; begin < bytes.size(); begin += piece) {
      auto received = to.receive(std::string_view(bytes).substr(begin, piece));
      EXPECT_TRUE(received) << received.error().message;
    }
    return !bytes.empty();
  }

  std::shared_ptr<Record> start(RequestHead head, bool end) {
    auto record = std::make_shared<Record>();
    handlers.push_back(std::make_unique<RecordingHandler>(record));
    record->stream = client->start(head, end, *handlers.back());
    return record;
  }

  static RequestHead get(std::string path = "/") {
    return {.method = "GET", .authority = "api", .path = path, .headers = {}};
  }
  static RequestHead post(std::string path = "/") {
    return {.method = "POST", .authority = "api", .path = path, .headers = {}};
  }

  HeadBudget budget{100'000};  // for connect()
  std::function<void(Record&)> on_request = [](Record&) {};
  std::vector<std::shared_ptr<Record>> requests;
  std::vector<std::unique_ptr<RecordingHandler>> handlers;
  std::unique_ptr<Http2Session> server, client;
};

}  // namespace ringside::http
