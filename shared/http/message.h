// HTTP messages (RFC 9110) as values. Header names are kept in lower case, as HTTP/2 has them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringside::http {

// Fields in the order in which they came; a name may occur more than once.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  // The first value of that name (given in lower case), or nullopt. The view lives as long as the headers do not
  // change.
  std::optional<std::string_view> get(std::string_view name) const;
  std::string_view get_or(std::string_view name, std::string_view fallback) const;
  void add(std::string name, std::string value);
  // Replaces every field of that name by one.
  void set(std::string_view name, std::string value);
  void erase(std::string_view name);

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

struct RequestHead {
  std::string method;     // "GET"
  std::string authority;  // "10.96.0.1:443"; the Host header of HTTP/1.1
  // As on the wire: path and query, percent-encoded, beginning with '/'. But "*" if the request is about no path, and
  // empty if its target has none (CONNECT, "https://host").
  std::string path;
  Headers headers;  // without host and pseudo-headers
};

// What a field counts, and a head with its pseudo-headers, against a limit that HTTP/2 announces (RFC 9113
// section 6.5.2).
size_t field_list_size(std::string_view name, std::string_view value);
size_t header_list_size(const RequestHead& head);

struct ResponseHead {
  int status = 0;
  Headers headers;
};

// Whole messages, for small bodies.
struct Request {
  RequestHead head;
  std::string body;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

}  // namespace ringside::http
