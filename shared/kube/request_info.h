// What a request is, as the API server sees it: the rules of k8s.io/apiserver/pkg/endpoints/request, on which its
// authorization, audit and (for custom resources) its routing stand. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringside::kube {

struct RequestInfo {
  // False for everything but objects below /api/<version>/ and /apis/<group>/<version>/: discovery, /healthz, /metrics.
  // Then only the verb (the method in lower case) is set.
  bool is_resource = false;
  // get, list, watch, create, update, patch, delete, deletecollection; proxy for the deprecated path prefix; empty for
  // methods without a meaning (OPTIONS).
  std::string verb;
  std::string api_prefix;  // "api" or "apis"
  std::string group;       // empty for the core group
  std::string version;
  std::string ns;  // for /namespaces/<n> the namespace itself
  std::string resource;
  std::string subresource;
  std::string name;  // from the path or, for list and watch, from a field selector that demands metadata.name
  std::vector<std::string> parts;  // of the path, from the resource on

  // The selectors as the client wrote them, decoded; only for list, watch and deletecollection, and never for the
  // deprecated /watch/ paths.
  std::string label_selector;
  std::string field_selector;

  bool operator==(const RequestInfo&) const = default;
};

// Never fails: what cannot be understood is no resource request, or one without a resource. `path_with_query` is the
// request target: origin form, or absolute form (whose scheme and authority are skipped). Percent-decoded as by Go
// ("%2F" separates segments); a malformed escape, for which the API server answers 400, is kept as it is.
//
// Where it is less strict than the API server: a list whose other parameters are malformed (limit=x, labelSelector=!!)
// gets its name from the field selector all the same; the API server answers 400 to those.
RequestInfo parse_request_info(std::string_view method, std::string_view path_with_query);

// The two sides of the '?' of a request target, scheme and authority still in the path. The views live as long as the
// text.
struct RequestTarget {
  std::string_view path;
  std::string_view query;  // without the '?'
};
RequestTarget split_target(std::string_view path_with_query);

}  // namespace ringside::kube
