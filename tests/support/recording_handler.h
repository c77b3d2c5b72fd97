// Stream handlers that write down what they are told.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/stream.h"

namespace ringside::testing {

// What happened on one stream. Kept by the test, since a server's handlers go when their streams do.
struct Record {
  std::vector<std::string> calls;  // "response", "body", "end", "sent", "closed", in order; repeated ones once
  http::RequestHead request;       // server
  bool has_body = false;           // server
  std::optional<http::ResponseHead> response;
  std::string body;
  bool ended = false;
  http::Headers trailers;
  size_t sent = 0;
  std::optional<Error> closed;
  bool handler_destroyed = false;

  std::unique_ptr<http::Stream> stream;
  bool credits = true;  // gives bytes back as they come
  // Runs in each call, named as in `calls`, after it was written down.
  std::function<void(const std::string& call)> hook = [](const std::string&) {};
};

class RecordingHandler : public http::StreamHandler {
 public:
  explicit RecordingHandler(std::shared_ptr<Record> record) : record_(std::move(record)) {}
  ~RecordingHandler() override { record_->handler_destroyed = true; }

  void on_response(http::ResponseHead head) override {
    record_->response = std::move(head);
    called("response");
  }
  void on_body(std::string_view bytes) override {
    record_->body.append(bytes);
    if (record_->credits && record_->stream) record_->stream->credit(bytes.size());
    called("body");
  }
  void on_end(http::Headers trailers) override {
    record_->ended = true;
    record_->trailers = std::move(trailers);
    called("end");
  }
  void on_sent(size_t bytes) override {
    record_->sent += bytes;
    called("sent");
  }
  void on_closed(Error error) override {
    record_->closed = std::move(error);
    called("closed");
  }

 private:
  void called(const std::string& call) {
    auto record = record_;  // the hook may destroy this handler
    if (record->calls.empty() || record->calls.back() != call) record->calls.push_back(call);
    record->hook(call);
  }

  std::shared_ptr<Record> record_;
};

// An acceptor that records each request in `records` and then calls `on_request`, which may answer at once.
inline http::StreamAcceptor recording_acceptor(
    std::vector<std::shared_ptr<Record>>& records, std::function<void(Record&)> on_request = [](Record&) {}) {
  return [&records, on_request](std::unique_ptr<http::Stream> stream, http::RequestHead head, bool has_body) {
    auto record = std::make_shared<Record>();
    record->stream = std::move(stream);
    record->request = std::move(head);
    record->has_body = has_body;
    records.push_back(record);
    on_request(*record);
    return std::make_unique<RecordingHandler>(record);
  };
}

}  // namespace ringside::testing
