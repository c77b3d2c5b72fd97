// Query strings as the API server reads them (Go's net/url, since Go 1.17), and what it sees of a field selector.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::kube {

// A query of more parameters than this is read as empty by Go 1.26 (net/url, urlmaxqueryparams).
inline constexpr size_t kMaxQueryParameters = 10'000;

struct QueryParameter {
  std::string name;   // decoded
  std::string value;  // decoded; empty for "name" and for "name="
  size_t end;         // where the text of the parameter ends in the query: in front of '&', or at the query's end
  bool has_equals;    // whether there is a '=' between name and value
};

// The parameters in their order. Left out, as in Go: empty ones, ones with ';' anywhere and ones with a malformed
// escape;
// '+' is a space. The query is the text after '?'.
std::vector<QueryParameter> parse_query(std::string_view query);

// The first parameter of that name, the only one that the API server looks at; nullptr if there is none.
const QueryParameter* find_parameter(const std::vector<QueryParameter>& parameters, std::string_view name);

// The value that a field selector demands of the field ("metadata.name=x"), by the API server's grammar; nullopt if it
// demands none or if the selector is malformed.
std::optional<std::string> required_field_value(std::string_view field_selector, std::string_view field);

}  // namespace ringside::kube
