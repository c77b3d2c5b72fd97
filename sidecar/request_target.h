// What a request's target (RFC 9112 section 3.2) says about it, other than which objects it is about.
#pragma once

#include <optional>
#include <string_view>

#include "http/message.h"

namespace ringside::sidecar {

// What the API server answers to a request about no path, or for a tunnel: OPTIONS * in Go's net/http, others by its
// own lights. It cannot be asked for these over HTTP/2. nullopt: it is to be asked.
std::optional<http::Response> answer_without_path(const http::RequestHead& head);

// Whether a client would resume a watch from what it knows, rather than begin anew.
bool resumes_watch(std::string_view target);

// Whether it is a later page of a list.
bool continues_list(std::string_view target);

}  // namespace ringside::sidecar
