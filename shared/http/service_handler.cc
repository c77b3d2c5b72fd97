#include "http/service_handler.h"

#include <utility>

#include "base/strings.h"
#include "event/job.h"

namespace ringside::http {
namespace {

class ServiceHandler : public StreamHandler {
 public:
  ServiceHandler(event::Loop& loop, const Service& service, ServiceLimits limits, std::unique_ptr<Stream> stream,
                 RequestHead head)
      : loop_(loop), service_(service), limits_(limits), stream_(std::move(stream)) {
    request_.head = std::move(head);
  }

  void begin(bool has_body) {
    if (!has_body) return answer();
    auto length = parse_int(request_.head.headers.get_or("content-length", "0"));
    if (!length || size_t(*length) > limits_.max_body_bytes) return refuse_size();
    request_.body.reserve(size_t(*length));
    timer_ = loop_.timer([this] { refuse(408, "the request body did not arrive in time\n"); });
    timer_->arm(limits_.body_timeout);
  }

  void on_response(ResponseHead) override {}
  void on_body(std::string_view bytes) override {
    if (refused_) return;
    if (request_.body.size() + bytes.size() > limits_.max_body_bytes) return refuse_size();
    request_.body.append(bytes);
    stream_->credit(bytes.size());
  }
  void on_end(Headers) override {
    if (!refused_) answer();
  }
  void on_sent(size_t) override {}
  void on_closed(Error) override {
    job_ = {};
    timer_.reset();
    stream_.reset();
  }

 private:
  void refuse_size() {
    refuse(413, "the request body is larger than " + std::to_string(limits_.max_body_bytes) + " bytes\n");
  }
  void refuse(int status, std::string message) {
    refused_ = true;
    timer_.reset();
    send(text_response(status, std::move(message)));
  }
  void answer() {
    timer_.reset();
    job_ = event::Job(loop_, run());
  }
  event::Task<void> run() { send(co_await service_(request_)); }

  void send(Response response) {
    if (!stream_) return;
    bool no_content = response.status == 204 || response.status == 304;
    if (!no_content) response.headers.set("content-length", std::to_string(response.body.size()));
    bool end = response.body.empty() || no_content || request_.head.method == "HEAD";
    stream_->send_response({response.status, std::move(response.headers)}, end);
    if (end) return;
    stream_->send_body(response.body);
    stream_->send_end();
  }

  event::Loop& loop_;
  const Service& service_;  // of the server, which owns this handler
  ServiceLimits limits_;
  std::unique_ptr<Stream> stream_;
  Request request_;
  std::unique_ptr<event::Timer> timer_;
  bool refused_ = false;
  event::Job job_;
};

}  // namespace

StreamAcceptor serve(event::Loop& loop, Service service, ServiceLimits limits) {
  auto shared = std::make_shared<const Service>(std::move(service));
  return [&loop, shared, limits](std::unique_ptr<Stream> stream, RequestHead head, bool has_body) {
    auto handler = std::make_unique<ServiceHandler>(loop, *shared, limits, std::move(stream), std::move(head));
    handler->begin(has_body);
    return handler;
  };
}

}  // namespace ringside::http
