// metav1.Status: the error answers of the API server, those that we make in its place, and what they mean to us.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "kube/encoding.h"

namespace ringside::kube {

struct Status {
  int code = 0;        // the HTTP status
  std::string reason;  // one of Kubernetes' reasons ("NotFound"), or empty
  std::string message;
  std::optional<int> retry_after_seconds = std::nullopt;  // goes into the Retry-After header too

  // The object that it is about, as far as known.
  std::string group = {};
  std::string kind = {};  // Kubernetes puts the resource here ("leases")
  std::string name = {};

  bool operator==(const Status&) const = default;
};

// "Failure" with code, reason, message and details; "Success" for codes below 400.
json::Value to_json(const Status& status);
std::string to_body(const Status& status, Encoding encoding);
// An ERROR event as a whole watch has it: a line of JSON, or a protobuf message behind its length (YAML has no watches:
// as JSON). And the Content-Type of such a watch.
std::string to_error_event(const Status& status, Encoding encoding);
std::string_view watch_content_type(Encoding encoding);

// In either encoding, which is told from the first bytes. kInvalid if the body is no Status.
Result<Status> parse_status(std::string_view body);

// What to do about an answer with that HTTP status (400 and above) and body. The reason of a Status in the body decides
// over the HTTP status; the message is the server's own, or names the HTTP status and quotes the start of a body that
// is no Status. `retry_after` is the header's value in seconds; without it that of the Status counts.
Error to_error(int http_status, std::string_view body, std::optional<int> retry_after = std::nullopt);
// The same for a Status that came in another way (an ERROR event of a watch).
Error to_error(const Status& status);

// The answers that we make ourselves, with the codes and reasons of Kubernetes.
Status bad_request(std::string message);
Status forbidden(std::string message);
Status not_found(std::string group, std::string resource, std::string name);
Status conflict(std::string group, std::string resource, std::string name, std::string why);
Status already_exists(std::string group, std::string resource, std::string name);
Status too_many_requests(std::string message, int retry_after_seconds);
Status internal_error(std::string message);
Status bad_gateway(std::string message);
Status service_unavailable(std::string message, int retry_after_seconds);
Status gateway_timeout(std::string message);

}  // namespace ringside::kube
