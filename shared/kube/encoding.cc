#include "kube/encoding.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

#include "base/strings.h"

namespace ringside::kube {
namespace {

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kProtobufType = "application/vnd.kubernetes.protobuf";
constexpr std::string_view kYamlType = "application/yaml";

// "application/json; charset=utf-8" -> "application/json".
std::string_view media_type(std::string_view text) {
  return trim(text.substr(0, text.find(';')));
}

struct Range {
  Encoding encoding;
  double quality;
  int specificity;  // 0 for "*/*", 1 for "application/*", 2 for a type

  auto rank() const { return std::tuple(quality, specificity); }
};

// 1 if there is no q; nullopt if it is no number between 0 and 1.
std::optional<double> quality_of(std::string_view parameters) {
  for (std::string_view parameter : split(parameters, ';')) {
    parameter = trim(parameter);
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
    std::string_view text = trim(parameter.substr(2));
    double quality = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), quality, std::chars_format::fixed);
    if (error != std::errc() || end != text.data() + text.size() || !(quality >= 0 && quality <= 1))
      return std::nullopt;
    return quality;
  }
  return 1;
}

// nullopt for ranges that name nothing that we write, or that refuse it (q=0).
std::optional<Range> parse_range(std::string_view text) {
  std::string_view type = media_type(text);
  size_t semicolon = text.find(';');
  auto quality = semicolon == std::string_view::npos ? 1.0 : quality_of(text.substr(semicolon + 1));
  if (!quality || *quality <= 0) return std::nullopt;
  if (equals_ignoring_case(type, kProtobufType)) return Range{Encoding::kProtobuf, *quality, 2};
  if (equals_ignoring_case(type, kJsonType)) return Range{Encoding::kJson, *quality, 2};
  if (equals_ignoring_case(type, kYamlType)) return Range{Encoding::kYaml, *quality, 2};
  if (equals_ignoring_case(type, "application/*")) return Range{Encoding::kJson, *quality, 1};
  if (type == "*/*" || type == "*") return Range{Encoding::kJson, *quality, 0};
  return std::nullopt;
}

}  // namespace

std::string_view content_type(Encoding encoding) {
  switch (encoding) {
    case Encoding::kProtobuf: return kProtobufType;
    case Encoding::kYaml: return kYamlType;
    case Encoding::kJson: break;
  }
  return kJsonType;
}

Result<Encoding> encoding_of_content_type(std::string_view content_type) {
  std::string_view type = media_type(content_type);
  if (type.empty() || equals_ignoring_case(type, kJsonType)) return Encoding::kJson;
  if (equals_ignoring_case(type, kProtobufType)) return Encoding::kProtobuf;
  return failure(ErrorKind::kInvalid, "content type '" + std::string(type.substr(0, 100)) + "' is neither " +
                                          std::string(kJsonType) + " nor " + std::string(kProtobufType));
}

Encoding encoding_of_body(std::string_view body) {
  return body.starts_with(kProtobufMagic) ? Encoding::kProtobuf : Encoding::kJson;
}

Encoding choose_encoding(std::string_view accept) {
  std::optional<Range> best;
  for (std::string_view text : split(accept, ',')) {
    auto range = parse_range(text);
    if (range && (!best || range->rank() > best->rank())) best = range;
  }
  return best ? best->encoding : Encoding::kJson;
}

}  // namespace ringside::kube
