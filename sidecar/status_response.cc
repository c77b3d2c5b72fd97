#include "sidecar/status_response.h"

namespace ringside::sidecar {
namespace {

// Of a server (RFC 6455 section 5.2), whole.
std::string websocket_frame(unsigned char opcode, std::string_view payload) {
  constexpr size_t kShort = 126;
  std::string frame = {char(0x80 | opcode)};
  if (payload.size() < kShort) {
    frame += char(payload.size());
  } else {  // no status is longer than 64 KiB
    frame += char(kShort);
    frame += char(payload.size() >> 8 & 0xff);
    frame += char(payload.size() & 0xff);
  }
  return frame.append(payload);
}

}  // namespace

http::Response status_response(const kube::Status& status, kube::Encoding encoding) {
  http::Response response{
      .status = status.code,
      .headers = {{"content-type", std::string(kube::content_type(encoding))}, {"cache-control", "no-cache, private"}},
      .body = kube::to_body(status, encoding)};
  if (status.retry_after_seconds) response.headers.add("retry-after", std::to_string(*status.retry_after_seconds));
  return response;
}

http::Response watch_error_response(const kube::Status& status, kube::Encoding encoding) {
  return {.status = 200,
          .headers = {{"content-type", std::string(kube::watch_content_type(encoding))},
                      {"cache-control", "no-cache, private"}},
          .body = kube::to_error_event(status, encoding)};
}

std::string websocket_error_event(const kube::Status& status) {
  constexpr unsigned char kText = 1, kClose = 8;
  return websocket_frame(kText, kube::to_error_event(status, kube::Encoding::kJson)) + websocket_frame(kClose, {});
}

kube::Status status_of_failure(const Error& error, bool is_write) {
  std::string message = "sidecar: the API server cannot be reached: " + error.message;
  if (error.kind == ErrorKind::kRefused) return kube::service_unavailable(message, 1);
  if (error.kind == ErrorKind::kTimedOut) return kube::gateway_timeout(message);
  if (!is_write) return kube::service_unavailable(message, 1);
  return kube::bad_gateway(message + "; the request may have been processed");
}

}  // namespace ringside::sidecar
