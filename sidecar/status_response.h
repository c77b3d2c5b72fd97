// The one place where errors of the sidecar become answers: metav1.Status in the encoding that the client asked for.
#pragma once

#include <string>

#include "http/message.h"
#include "kube/encoding.h"
#include "kube/status.h"

namespace ringside::sidecar {

// With Retry-After where the Status has one.
http::Response status_response(const kube::Status& status, kube::Encoding encoding);

// To a watch, as the API server answers one that it cannot resume: with 200 and the error as the only event. Clients
// expect it there; kopf, for one, ends itself when a watch is answered by another HTTP status.
http::Response watch_error_response(const kube::Status& status, kube::Encoding encoding);

// The same in a WebSocket that the API server has opened: the event as a text message, and the close of the connection.
std::string websocket_error_event(const kube::Status& status);

// What the controller is told about a request that failed on the API server's side before there was a response.
// A write that may have been processed is not said to be retriable.
kube::Status status_of_failure(const Error& error, bool is_write);

}  // namespace ringside::sidecar
