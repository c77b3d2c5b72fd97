#include "kube/query.h"

#include <algorithm>

#include "base/strings.h"

namespace ringside::kube {
namespace {

std::optional<std::string> unescape(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return percent_decode(spaced);
}

struct FieldTerm {
  std::string_view field;
  std::string value;
  bool equal;
};

// At the commas that no backslash escapes; the backslashes stay.
std::vector<std::string_view> split_terms(std::string_view selector) {
  std::vector<std::string_view> terms;
  size_t begin = 0;
  bool escaped = false;
  for (size_t i = 0; i < selector.size(); ++i) {
    if (escaped) {
      escaped = false;
    } else if (selector[i] == '\\') {
      escaped = true;
    } else if (selector[i] == ',') {
      terms.push_back(selector.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  terms.push_back(selector.substr(begin));
  return terms;
}

std::optional<std::string> unescape_field_value(std::string_view text) {
  std::string value;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',' || text[i] == '=') return std::nullopt;
    if (text[i] == '\\') {
      ++i;
      if (i == text.size() || !std::string_view("\\,=").contains(text[i])) return std::nullopt;
    }
    value.push_back(text[i]);
  }
  return value;
}

std::optional<FieldTerm> parse_term(std::string_view term) {
  size_t equals = term.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  bool negated = equals > 0 && term[equals - 1] == '!';
  size_t rest = equals + 1;
  if (!negated && rest < term.size() && term[rest] == '=') ++rest;
  auto value = unescape_field_value(term.substr(rest));
  if (!value) return std::nullopt;
  return FieldTerm{term.substr(0, negated ? equals - 1 : equals), *std::move(value), !negated};
}

}  // namespace

std::vector<QueryParameter> parse_query(std::string_view query) {
  std::vector<QueryParameter> parameters;
  if (size_t(std::count(query.begin(), query.end(), '&')) >= kMaxQueryParameters) return parameters;
  size_t end = 0;
  for (std::string_view text : split(query, '&')) {
    size_t here = end + text.size();
    end = here + 1;
    if (text.empty() || text.contains(';')) continue;
    size_t equals = text.find('=');
    bool has_equals = equals != std::string_view::npos;
    auto name = unescape(text.substr(0, equals));
    auto value = has_equals ? unescape(text.substr(equals + 1)) : std::string();
    if (!name || !value) continue;
    parameters.push_back({*std::move(name), *std::move(value), here, has_equals});
  }
  return parameters;
}

const QueryParameter* find_parameter(const std::vector<QueryParameter>& parameters, std::string_view name) {
  auto found = std::ranges::find(parameters, name, &QueryParameter::name);
  return found == parameters.end() ? nullptr : &*found;
}

std::optional<std::string> required_field_value(std::string_view field_selector, std::string_view field) {
  auto terms = split_terms(field_selector);
  std::ranges::sort(terms);  // as the API server does: which of two contradicting terms comes first depends on it
  std::optional<std::string> required;
  for (std::string_view text : terms) {
    if (text.empty()) continue;
    auto term = parse_term(text);
    if (!term) return std::nullopt;
    if (!required && term->equal && term->field == field) required = std::move(term->value);
  }
  return required;
}

}  // namespace ringside::kube
