#include "kube/status.h"

#include <google/protobuf/stubs/logging.h>

#include <array>
#include <limits>
#include <utility>

#include "base/strings.h"
#include "kube/envelope.h"
#include "kube/kube.pb.h"

namespace ringside::kube {
namespace {

constexpr size_t kQuotedBytes = 200;

constexpr std::array<std::pair<std::string_view, ErrorKind>, 19> kKindOfReason{{
    {"Unauthorized", ErrorKind::kUnauthorised},
    {"Forbidden", ErrorKind::kForbidden},
    {"NotFound", ErrorKind::kNotFound},
    {"AlreadyExists", ErrorKind::kExists},
    {"Conflict", ErrorKind::kConflict},
    {"Gone", ErrorKind::kGone},
    {"Expired", ErrorKind::kGone},
    {"Invalid", ErrorKind::kInvalid},
    {"BadRequest", ErrorKind::kInvalid},
    {"MethodNotAllowed", ErrorKind::kInvalid},
    {"NotAcceptable", ErrorKind::kInvalid},
    {"RequestEntityTooLarge", ErrorKind::kInvalid},
    {"UnsupportedMediaType", ErrorKind::kInvalid},
    {"StorageReadError", ErrorKind::kInvalid},
    {"ServerTimeout", ErrorKind::kRetry},
    {"TooManyRequests", ErrorKind::kRetry},
    {"ServiceUnavailable", ErrorKind::kRetry},
    {"InternalError", ErrorKind::kRetry},
    {"Timeout", ErrorKind::kTimedOut},
}};

ErrorKind kind_of_code(int code) {
  switch (code) {
    case 401: return ErrorKind::kUnauthorised;
    case 403: return ErrorKind::kForbidden;
    case 404: return ErrorKind::kNotFound;
    case 409: return ErrorKind::kConflict;
    case 410: return ErrorKind::kGone;
    case 408:
    case 504: return ErrorKind::kTimedOut;
    case 429: return ErrorKind::kRetry;
    default: return code >= 400 && code < 500 ? ErrorKind::kInvalid : ErrorKind::kRetry;
  }
}

ErrorKind kind_of(const Status& status) {
  for (const auto& [reason, kind] : kKindOfReason) {
    if (reason == status.reason) return kind;
  }
  return kind_of_code(status.code);
}

// "secrets" -> "secrets", "leases" in "coordination.k8s.io" -> "leases.coordination.k8s.io", as Kubernetes words it.
std::string qualified(const std::string& group, const std::string& resource) {
  return group.empty() ? resource : resource + "." + group;
}

bool has_details(const Status& status) {
  return !status.name.empty() || !status.group.empty() || !status.kind.empty() || status.retry_after_seconds;
}

std::string_view outcome(const Status& status) {
  return status.code < 400 ? "Success" : "Failure";
}

std::string to_protobuf(const Status& status) {
  pb::Status message;
  message.mutable_metadata();
  message.set_status(std::string(outcome(status)));
  message.set_message(status.message);
  message.set_reason(status.reason);
  message.set_code(status.code);
  if (has_details(status)) {
    message.mutable_details()->set_name(status.name);
    message.mutable_details()->set_group(status.group);
    message.mutable_details()->set_kind(status.kind);
    message.mutable_details()->set_retry_after_seconds(status.retry_after_seconds.value_or(0));
  }
  return to_body(Envelope{"v1", "Status", message.SerializeAsString()});
}

int to_int(int64_t number) {
  return number < 0 || number > std::numeric_limits<int>::max() ? 0 : int(number);
}

std::optional<int> positive(int64_t number) {
  return to_int(number) > 0 ? std::optional(to_int(number)) : std::nullopt;
}

Result<Status> parse_protobuf(std::string_view body) {
  auto envelope = open_envelope(body);
  if (!envelope) return failure(envelope.error());
  google::protobuf::LogSilencer silencer;  // foreign bytes do not write to our log
  pb::Status message;
  if (envelope->kind != "Status" || !message.ParseFromString(envelope->raw)) {
    return failure(ErrorKind::kInvalid, "protobuf object is no Status");
  }
  const auto& details = message.details();
  return Status{to_int(message.code()), message.reason(), message.message(), positive(details.retry_after_seconds()),
                details.group(),        details.kind(),   details.name()};
}

Result<Status> parse_json(std::string_view body) {
  auto value = json::parse(body);
  if (!value) return failure(value.error());
  if (value->string_at({"kind"}) != "Status") return failure(ErrorKind::kInvalid, "JSON object is no Status");
  auto text = [&](std::initializer_list<std::string_view> path) { return std::string(value->string_at(path)); };
  return Status{to_int(value->int_at({"code"})),
                text({"reason"}),
                text({"message"}),
                positive(value->int_at({"details", "retryAfterSeconds"})),
                text({"details", "group"}),
                text({"details", "kind"}),
                text({"details", "name"})};
}

// The start of a body that is no Status, on one line.
std::string quote(std::string_view body) {
  std::string text(trim(body.substr(0, kQuotedBytes)));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = ' ';
  }
  return std::string(trim(text));
}

}  // namespace

json::Value to_json(const Status& status) {
  json::Value value = json::Value::object({{"kind", "Status"},
                                           {"apiVersion", "v1"},
                                           {"metadata", json::Object()},
                                           {"status", outcome(status)},
                                           {"message", status.message}});
  if (!status.reason.empty()) value["reason"] = status.reason;
  if (has_details(status)) {
    json::Value& details = value["details"] = json::Object();
    if (!status.name.empty()) details["name"] = status.name;
    if (!status.group.empty()) details["group"] = status.group;
    if (!status.kind.empty()) details["kind"] = status.kind;
    if (status.retry_after_seconds) details["retryAfterSeconds"] = *status.retry_after_seconds;
  }
  value["code"] = status.code;
  return value;
}

std::string to_body(const Status& status, Encoding encoding) {
  return encoding == Encoding::kProtobuf ? to_protobuf(status) : json::to_string(to_json(status));
}

std::string to_error_event(const Status& status, Encoding encoding) {
  constexpr std::string_view kError = "ERROR";
  std::string object = to_body(status, encoding);
  if (encoding != Encoding::kProtobuf) return R"({"type":")" + std::string(kError) + R"(","object":)" + object + "}\n";
  pb::WatchEvent event;
  event.set_type(std::string(kError));
  event.mutable_object()->set_raw(std::move(object));
  std::string bytes = event.SerializeAsString();
  std::string frame;
  for (int shift = 24; shift >= 0; shift -= 8) frame += char(bytes.size() >> shift & 0xff);
  return frame + bytes;
}

std::string_view watch_content_type(Encoding encoding) {
  return encoding == Encoding::kProtobuf ? "application/vnd.kubernetes.protobuf;stream=watch" : "application/json";
}

Result<Status> parse_status(std::string_view body) {
  return encoding_of_body(body) == Encoding::kProtobuf ? parse_protobuf(body) : parse_json(body);
}

Error to_error(const Status& status) {
  Error error{kind_of(status), status.message};
  if (error.message.empty()) {
    error.message = "HTTP status " + std::to_string(status.code);
    if (!status.reason.empty()) error.message += " (" + status.reason + ")";
  }
  if (status.retry_after_seconds) error.retry_after = std::chrono::seconds(*status.retry_after_seconds);
  return error;
}

Error to_error(int http_status, std::string_view body, std::optional<int> retry_after) {
  Status status;
  if (auto parsed = parse_status(body)) {
    status = *std::move(parsed);
  } else {
    std::string text = quote(body);
    status.message = "HTTP status " + std::to_string(http_status) + (text.empty() ? "" : ": " + text);
  }
  if (status.code < 400) status.code = http_status;
  if (retry_after) status.retry_after_seconds = positive(*retry_after);
  return to_error(status);
}

Status bad_request(std::string message) {
  return {400, "BadRequest", std::move(message)};
}

Status forbidden(std::string message) {
  return {403, "Forbidden", std::move(message)};
}

Status not_found(std::string group, std::string resource, std::string name) {
  std::string message = qualified(group, resource) + " \"" + name + "\" not found";
  return {404, "NotFound", std::move(message), {}, std::move(group), std::move(resource), std::move(name)};
}

Status conflict(std::string group, std::string resource, std::string name, std::string why) {
  std::string message =
      "Operation cannot be fulfilled on " + qualified(group, resource) + " \"" + name + "\": " + std::move(why);
  return {409, "Conflict", std::move(message), {}, std::move(group), std::move(resource), std::move(name)};
}

Status already_exists(std::string group, std::string resource, std::string name) {
  std::string message = qualified(group, resource) + " \"" + name + "\" already exists";
  return {409, "AlreadyExists", std::move(message), {}, std::move(group), std::move(resource), std::move(name)};
}

Status too_many_requests(std::string message, int retry_after_seconds) {
  return {429, "TooManyRequests", std::move(message), retry_after_seconds};
}

Status internal_error(std::string message) {
  return {500, "InternalError", std::move(message)};
}

Status bad_gateway(std::string message) {
  return {502, "", std::move(message)};
}

Status service_unavailable(std::string message, int retry_after_seconds) {
  return {503, "ServiceUnavailable", std::move(message), retry_after_seconds};
}

Status gateway_timeout(std::string message) {
  return {504, "Timeout", std::move(message)};
}

}  // namespace ringside::kube
