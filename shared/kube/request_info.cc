#include "kube/request_info.h"

#include <algorithm>
#include <span>

#include "base/strings.h"
#include "kube/query.h"

namespace ringside::kube {
namespace {

bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_scheme_character(char c) {
  return is_alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

// The path of an absolute-form target ("https://host/api" -> "/api"); others as they are.
std::string_view without_origin(std::string_view path) {
  size_t colon = 0;
  while (colon < path.size() && is_scheme_character(path[colon])) ++colon;
  if (colon == 0 || colon == path.size() || path[colon] != ':' || !is_alpha(path[0])) return path;
  path.remove_prefix(colon + 1);
  if (!path.starts_with('/')) return {};  // opaque, as in "mailto:x"
  if (!path.starts_with("//")) return path;
  size_t slash = path.find('/', 2);
  return slash == std::string_view::npos ? std::string_view() : path.substr(slash);
}

// Malformed escapes stay as they are.
std::string decode_leniently(std::string_view text) {
  if (auto decoded = percent_decode(text)) return *std::move(decoded);
  std::string result;
  for (size_t i = 0; i < text.size();) {
    auto escape = text[i] == '%' ? percent_decode(text.substr(i, 3)) : std::nullopt;
    result += escape ? *escape : std::string(1, text[i]);
    i += escape ? 3 : 1;
  }
  return result;
}

std::vector<std::string> split_path(std::string_view path) {
  std::string decoded = decode_leniently(path);
  std::string_view text = decoded;
  size_t begin = text.find_first_not_of('/');
  if (begin == std::string_view::npos) return {};
  text = text.substr(begin, text.find_last_not_of('/') - begin + 1);
  auto segments = split(text, '/');
  return {segments.begin(), segments.end()};
}

std::string_view verb_of_method(std::string_view method) {
  if (method == "GET" || method == "HEAD") return "get";
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return "delete";
  return "";
}

// Kubernetes reads every value but these as true, the empty one included.
bool is_true(const QueryParameter* parameter) {
  return parameter && parameter->value != "0" && !equals_ignoring_case(parameter->value, "false");
}

// What may stand in a path as the name of an object.
bool is_path_segment(std::string_view name) {
  return name != "." && name != ".." && !name.contains('/') && !name.contains('%');
}

bool is_namespace_subresource(std::string_view segment) {
  return segment == "status" || segment == "finalize";
}

// Namespace, resource, name and subresource, from the segments behind the version and the special verb.
void read_parts(std::span<const std::string> segments, RequestInfo& info) {
  if (segments[0] == "namespaces" && segments.size() > 1) {
    info.ns = segments[1];
    if (segments.size() > 2 && !is_namespace_subresource(segments[2])) segments = segments.subspan(2);
  }
  info.parts.assign(segments.begin(), segments.end());
  info.resource = segments[0];
  if (segments.size() >= 2) info.name = segments[1];
  if (segments.size() >= 3 && info.verb != "proxy") info.subresource = segments[2];
}

void read_query(std::string_view query, bool verb_from_path, RequestInfo& info) {
  auto parameters = parse_query(query);
  const QueryParameter* labels = find_parameter(parameters, "labelSelector");
  const QueryParameter* fields = find_parameter(parameters, "fieldSelector");
  if (info.name.empty() && info.verb == "get") {
    info.verb = is_true(find_parameter(parameters, "watch")) ? "watch" : "list";
    auto name = fields ? required_field_value(fields->value, "metadata.name") : std::nullopt;
    if (name && is_path_segment(*name)) info.name = *std::move(name);
  }
  if (info.name.empty() && info.verb == "delete") info.verb = "deletecollection";
  bool selects = info.verb == "list" || info.verb == "watch" || info.verb == "deletecollection";
  if (verb_from_path || !selects) return;
  if (labels) info.label_selector = labels->value;
  if (fields) info.field_selector = fields->value;
}

}  // namespace

RequestTarget split_target(std::string_view path_with_query) {
  size_t mark = path_with_query.find('?');
  if (mark == std::string_view::npos) return {path_with_query, {}};
  return {path_with_query.substr(0, mark), path_with_query.substr(mark + 1)};
}

RequestInfo parse_request_info(std::string_view method, std::string_view path_with_query) {
  RequestInfo info;
  info.verb = to_lower(method);
  RequestTarget target = split_target(path_with_query);
  std::vector<std::string> all = split_path(without_origin(target.path));
  std::span<const std::string> segments = all;
  if (segments.size() < 3 || (segments[0] != "api" && segments[0] != "apis")) return info;
  bool has_group = segments[0] == "apis";
  if (has_group && segments.size() < 4) return info;
  info.is_resource = true;
  info.api_prefix = segments[0];
  if (has_group) info.group = segments[1];
  info.version = segments[has_group ? 2 : 1];
  segments = segments.subspan(has_group ? 3 : 2);

  bool verb_from_path = segments[0] == "watch" || segments[0] == "proxy";
  if (verb_from_path) {
    if (segments.size() < 2) return info;  // the API server answers 500
    info.verb = segments[0];
    segments = segments.subspan(1);
  } else {
    info.verb = verb_of_method(method);
  }
  read_parts(segments, info);
  read_query(target.query, verb_from_path, info);
  return info;
}

}  // namespace ringside::kube
