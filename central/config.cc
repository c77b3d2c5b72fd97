#include "central/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "base/base64.h"
#include "base/go_duration.h"
#include "base/strings.h"
#include "central/yaml_documents.h"

namespace ringside::central {
namespace {

constexpr std::string_view kConfigApiVersion = "config.sharding.timebertt.dev/v1alpha1";
constexpr std::string_view kConfigKind = "SharderConfig";
constexpr std::string_view kDurationHint = "use one such as 15s, 5m or 1m30s";

std::optional<double> parse_real(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Whether a scalar without quotes is something else than a string in YAML's core schema.
bool is_typed(const std::string& text) {
  return text == "true" || text == "false" || text == "null" || text == "~" || text.empty() || parse_real(text);
}

std::optional<BindAddress> parse_bind_address(std::string_view text) {
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto port = parse_int(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!port || *port < 1 || *port > 65535 || host.contains(':') != bracketed) return std::nullopt;
  return BindAddress{std::string(host), uint16_t(*port)};
}

// Reads YAML nodes into values. The first error is kept; after it, nothing is read.
class Reader {
 public:
  using Read = std::function<void(const YAML::Node&, const std::string& path)>;
  struct Field {
    std::string_view name;
    Read read;
  };

  std::optional<Error> error;

  void fail(const YAML::Node& node, const std::string& path, const std::string& why) {
    if (error) return;
    std::string where = "line " + std::to_string(node.Mark().line + 1) + ": " + (path.empty() ? "" : path + ": ");
    error = Error{ErrorKind::kInvalid, where + why};
  }

  // Each member by the field of its name. Members that are null count as absent.
  void object(const YAML::Node& node, const std::string& path, std::span<const Field> fields) {
    for_each_member(node, path, [&](const std::string& name, const YAML::Node& key, const YAML::Node& value) {
      auto field = std::ranges::find(fields, name, &Field::name);
      std::string member = path.empty() ? name : path + "." + name;
      if (field == fields.end()) return fail(key, member, "unknown field, use " + names_of(fields));
      if (!value.IsNull()) field->read(value, member);
    });
  }

  Read object(std::vector<Field> fields) {
    return [this, fields = std::move(fields)](const YAML::Node& node, const std::string& path) {
      object(node, path, fields);
    };
  }

  // A string that `check` finds nothing wrong with.
  Read string(std::string& out, std::function<std::string(const std::string&)> check = nullptr) {
    return [this, &out, check = std::move(check)](const YAML::Node& node, const std::string& path) {
      auto text = string_of(node, path);
      if (!text) return;
      std::string wrong = check ? check(*text) : "";
      if (!wrong.empty()) return fail(node, path, "'" + *text + "' " + wrong);
      out = std::move(*text);
    };
  }

  Read non_empty(std::string& out) {
    return string(out, [](const std::string& text) { return text.empty() ? "must not be empty" : ""; });
  }

  // Into `out`, if given.
  Read exactly(std::string_view allowed, std::string* out = nullptr) {
    return string(out ? *out : ignored_, [allowed](const std::string& text) {
      return text == allowed ? "" : "is unknown, use " + std::string(allowed);
    });
  }

  Read boolean(bool& out) {
    return [this, &out](const YAML::Node& node, const std::string& path) {
      std::string text = plain(node);
      if (text != "true" && text != "false") return fail(node, path, "must be true or false");
      out = text == "true";
    };
  }

  Read integer(int64_t& out, int64_t min, int64_t max) {
    return [this, &out, min, max](const YAML::Node& node, const std::string& path) {
      auto value = parse_int(plain(node));
      if (!value || *value < min || *value > max) {
        return fail(node, path, "must be a number from " + std::to_string(min) + " to " + std::to_string(max));
      }
      out = *value;
    };
  }

  Read number(double& out) {
    return [this, &out](const YAML::Node& node, const std::string& path) {
      auto value = parse_real(plain(node));
      if (!value) return fail(node, path, "must be a number");
      out = *value;
    };
  }

  Read duration(Duration& out, bool positive = true) {
    return [this, &out, positive](const YAML::Node& node, const std::string& path) {
      if (!node.IsScalar()) return fail(node, path, "must be a duration, " + std::string(kDurationHint));
      auto value = parse_go_duration(node.Scalar());
      if (!value) return fail(node, path, value.error().message);
      if (positive && *value <= Duration::zero())
        return fail(node, path, "must be above 0, " + std::string(kDurationHint));
      out = *value;
    };
  }

  // Of a certificate: shorter ones could not be renewed in time.
  Read lifetime(std::chrono::seconds& out) {
    return [this, &out](const YAML::Node& node, const std::string& path) {
      if (!node.IsScalar()) return fail(node, path, "must be a duration, " + std::string(kDurationHint));
      auto value = parse_go_duration(node.Scalar(), std::chrono::seconds(30), std::chrono::hours(24 * 36'500));
      if (!value) return fail(node, path, value.error().message);
      out = std::chrono::duration_cast<std::chrono::seconds>(*value);
    };
  }

  Read bind_address(std::optional<BindAddress>& out, bool may_be_off) {
    return [this, &out, may_be_off](const YAML::Node& node, const std::string& path) {
      auto text = string_of(node, path);
      if (!text) return;
      bool off = may_be_off && *text == "0";
      auto address = off ? std::nullopt : parse_bind_address(*text);
      if (!off && !address) {
        return fail(node, path,
                    "'" + *text + "' is no address, use ':8080', '127.0.0.1:8080' or '[::1]:8080'" +
                        (may_be_off ? ", or '0' for none" : ""));
      }
      out = std::move(address);
    };
  }

  Read string_map(kube::Labels& out) {
    return [this, &out](const YAML::Node& node, const std::string& path) {
      for_each_member(node, path, [&](const std::string& name, const YAML::Node&, const YAML::Node& value) {
        if (auto text = string_of(value, path + "." + name)) out.insert_or_assign(name, std::move(*text));
      });
    };
  }

  Read string_list(std::vector<std::string>& out) {
    return [this, &out](const YAML::Node& node, const std::string& path) {
      for_each_item(node, path, [&](const YAML::Node& item, const std::string& item_path) {
        if (auto text = string_of(item, item_path)) out.push_back(std::move(*text));
      });
    };
  }

  void for_each_item(const YAML::Node& node, const std::string& path, const Read& read) {
    if (!node.IsSequence()) return fail(node, path, "must be a list");
    for (size_t i = 0; i < node.size() && !error; ++i) read(node[i], path + "[" + std::to_string(i) + "]");
  }

  std::string& ignored() { return ignored_; }

 private:
  template <typename Function>
  void for_each_member(const YAML::Node& node, const std::string& path, Function function) {
    if (!node.IsMap()) return fail(node, path, "must be an object");
    std::vector<std::string> seen;
    for (const auto& member : node) {
      if (error) return;
      if (!member.first.IsScalar()) return fail(member.first, path, "the name of a field must be a string");
      const std::string& name = member.first.Scalar();
      if (std::ranges::find(seen, name) != seen.end()) return fail(member.first, path, "'" + name + "' is given twice");
      seen.push_back(name);
      function(name, member.first, member.second);
    }
  }

  static std::string names_of(std::span<const Field> fields) {
    std::string names;
    for (const Field& field : fields) {
      names += (names.empty() ? "" : &field == &fields.back() ? " or " : ", ") + std::string(field.name);
    }
    return names;
  }

  // The text of a scalar without quotes; empty for anything else.
  static std::string plain(const YAML::Node& node) {
    return node.IsScalar() && node.Tag() != "!" ? node.Scalar() : std::string();
  }

  std::optional<std::string> string_of(const YAML::Node& node, const std::string& path) {
    bool quoted = node.IsScalar() && node.Tag() == "!";
    if (node.IsScalar() && (quoted || !is_typed(node.Scalar()))) return node.Scalar();
    fail(node, path, node.IsScalar() ? "must be a string, put it in quotes" : "must be a string");
    return std::nullopt;
  }

  std::string ignored_;
};

std::string check_url(const std::string& text) {
  constexpr std::string_view kScheme = "https://";
  bool has_host = text.starts_with(kScheme) && text.size() > kScheme.size() && text[kScheme.size()] != '/';
  return has_host && text.find_first_of("?#@ ") == std::string::npos
             ? ""
             : "must begin with https:// and a host, and have no user, query or fragment";
}

std::string check_ca_bundle(const std::string& text) {
  auto bytes = parse_base64(text);
  if (!bytes) return "is not base64: " + bytes.error().message;
  return bytes->contains("-----BEGIN CERTIFICATE-----") ? "" : "must be certificates in PEM, the whole in base64";
}

// The name of an object, as the API server takes it.
std::string check_name(const std::string& text) {
  bool fits = !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
  return fits && !std::string_view("-.").contains(text.front()) && !std::string_view("-.").contains(text.back())
             ? ""
             : "must be the name of a Kubernetes object: lower-case letters, digits, '-' and '.'";
}

Reader::Read leader_election(Reader& in, LeaderElection& out) {
  auto fields = in.object({{"leaderElect", in.boolean(out.leader_elect)},
                           {"resourceLock", in.exactly("leases")},
                           {"resourceName", in.string(out.resource_name, check_name)},
                           {"resourceNamespace", in.string(out.resource_namespace, check_name)},
                           {"leaseDuration", in.duration(out.lease_duration)},
                           {"renewDeadline", in.duration(out.renew_deadline)},
                           {"retryPeriod", in.duration(out.retry_period)}});
  return [&in, &out, fields = std::move(fields)](const YAML::Node& node, const std::string& path) {
    fields(node, path);
    if (out.lease_duration < std::chrono::seconds(1)) {
      in.fail(node, path + ".leaseDuration", "must be at least 1s, a Lease counts in whole seconds");
    }
    if (out.lease_duration <= out.renew_deadline) {
      in.fail(node, path + ".leaseDuration", "must be longer than renewDeadline");
    }
    if (out.renew_deadline <= out.retry_period + out.retry_period / 5) {
      in.fail(node, path + ".renewDeadline", "must be longer than 1.2 times retryPeriod");
    }
  };
}

Reader::Read label_selector(Reader& in, kube::LabelSelector& out) {
  return [&in, &out](const YAML::Node& node, const std::string& path) {
    kube::Labels match_labels;
    json::Value expressions = json::Array();
    auto read_expression = [&](const YAML::Node& item, const std::string& item_path) {
      std::string key, op;
      std::vector<std::string> values;
      in.object({{"key", in.string(key)}, {"operator", in.string(op)}, {"values", in.string_list(values)}})(item,
                                                                                                            item_path);
      json::Value expression = json::Value::object({{"key", key}, {"operator", op}});
      for (std::string& value : values) expression["values"].push_back(std::move(value));
      expressions.push_back(std::move(expression));
    };
    auto read_expressions = [&](const YAML::Node& list, const std::string& list_path) {
      in.for_each_item(list, list_path, read_expression);
    };
    in.object({{"matchLabels", in.string_map(match_labels)}, {"matchExpressions", read_expressions}})(node, path);
    if (in.error) return;
    auto selector = kube::parse_label_selector(json::Value::object(
        {{"matchLabels", kube::to_json(match_labels)}, {"matchExpressions", std::move(expressions)}}));
    if (!selector) return in.fail(node, path, selector.error().message);
    out = std::move(*selector);
  };
}

Reader::Read client_config(Reader& in, ClientConfig& out) {
  return [&in, &out](const YAML::Node& node, const std::string& path) {
    bool has_service = false;
    int64_t port = 0;
    auto read_service = in.object({{"namespace", in.string(out.service.ns, check_name)},
                                   {"name", in.string(out.service.name, check_name)},
                                   {"path", in.string(out.service.path)},
                                   {"port", in.integer(port, 1, 65535)}});
    auto note_service = [&](const YAML::Node& service, const std::string& service_path) {
      has_service = true;
      read_service(service, service_path);
    };
    in.object({{"url", in.string(out.url, check_url)},
               {"service", note_service},
               {"caBundle", in.string(out.ca_bundle, check_ca_bundle)}})(node, path);
    if (port != 0) out.service.port = port;
    if (!out.service.path.empty() && !out.service.path.starts_with('/')) {
      in.fail(node, path + ".service.path", "must begin with '/'");
    }
    if (has_service && !out.url.empty()) in.fail(node, path, "use either url or service");
  };
}

// The number of the first such line, 0 if there is none.
size_t line_indented_by_tab(std::string_view yaml) {
  size_t number = 0;
  for (std::string_view line : split(yaml, '\n')) {
    ++number;
    size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
    if (line.substr(0, indent).contains('\t')) return number;
  }
  return 0;
}

void read_config(Reader& in, const YAML::Node& root, SharderConfig& out) {
  bool no_flag = false;
  std::optional<BindAddress> bind = out.webhook_server.bind_address;
  std::string cert_dir;
  auto shutdown = in.duration(out.graceful_shutdown_timeout, false);
  auto read_server = in.object({{"bindAddress", in.bind_address(bind, false)},
                                {"certDir", in.non_empty(cert_dir)},
                                {"certName", in.non_empty(out.webhook_server.cert_name)},
                                {"keyName", in.non_empty(out.webhook_server.key_name)},
                                {"certificateLifetime", in.lifetime(out.webhook_server.lifetimes.serving)},
                                {"certificateAuthorityLifetime", in.lifetime(out.webhook_server.lifetimes.ca)}});
  auto webhook_server = [&](const YAML::Node& node, const std::string& path) {
    read_server(node, path);
    if (out.webhook_server.lifetimes.ca < out.webhook_server.lifetimes.serving) {
      in.fail(node, path + ".certificateAuthorityLifetime", "must not be shorter than certificateLifetime");
    }
  };
  auto webhook_config = in.object({{"annotations", in.string_map(out.webhook.annotations)},
                                   {"clientConfig", client_config(in, out.webhook.client_config)},
                                   {"namespaceSelector", label_selector(in, out.webhook.namespace_selector)}});
  auto sharder = in.object({{"syncPeriod", in.duration(out.sharder.sync_period)},
                            {"concurrentMoves", in.integer(out.sharder.concurrent_moves, 1, 10'000)}});
  auto connection = in.object({{"kubeconfig", in.string(out.client_connection.kubeconfig)},
                               {"qps", in.number(out.client_connection.qps)},
                               {"burst", in.integer(out.client_connection.burst, 0, 1'000'000)},
                               {"acceptContentTypes", in.string(in.ignored())},
                               {"contentType", in.string(in.ignored())}});
  std::string api_version, kind;
  in.object({{"apiVersion", in.exactly(kConfigApiVersion, &api_version)},
             {"kind", in.exactly(kConfigKind, &kind)},
             {"clientConnection", connection},
             {"leaderElection", leader_election(in, out.leader_election)},
             {"debugging", in.object({{"enableProfiling", in.boolean(no_flag)},
                                      {"enableContentionProfiling", in.boolean(no_flag)}})},
             {"health", in.object({{"bindAddress", in.bind_address(out.health, true)}})},
             {"metrics", in.object({{"bindAddress", in.bind_address(out.metrics, true)}})},
             {"controller", in.object({{"sharder", sharder}})},
             {"webhook", in.object({{"server", webhook_server}, {"config", webhook_config}})},
             {"gracefulShutdownTimeout", shutdown},
             {"gracefulShutDown", shutdown}})(root, "");
  // What does not say what it is may be another program's file.
  if (api_version.empty()) in.fail(root, "apiVersion", "is missing, use " + std::string(kConfigApiVersion));
  if (kind.empty()) in.fail(root, "kind", "is missing, use " + std::string(kConfigKind));
  out.webhook_server.bind_address = *bind;
  if (!cert_dir.empty()) out.webhook_server.cert_dir = cert_dir;
}

}  // namespace

std::optional<kube::RateLimit> rate_limit_of(const ClientConnection& connection) {
  if (connection.qps <= 0) return std::nullopt;
  return kube::RateLimit{.qps = connection.qps, .burst = connection.burst > 0 ? connection.burst : kDefaultBurst};
}

Result<SharderConfig> parse_sharder_config(std::string_view yaml) {
  SharderConfig config;
  Reader reader;
  try {
    std::string text(yaml);
    if (has_several_yaml_documents(text)) return failure(ErrorKind::kInvalid, "more than one YAML document");
    YAML::Node document = YAML::Load(text);
    if (document.IsNull()) {
      return failure(ErrorKind::kInvalid,
                     "there is nothing in it, begin with 'apiVersion: " + std::string(kConfigApiVersion) +
                         "' and 'kind: " + std::string(kConfigKind) + "', or do without the file");
    }
    read_config(reader, document, config);
  } catch (const YAML::Exception& exception) {
    std::string why = "line " + std::to_string(exception.mark.line + 1) + ": not valid YAML: " + exception.msg;
    size_t tab = line_indented_by_tab(yaml);
    if (tab > 0) why += "; line " + std::to_string(tab) + " is indented by a tab, use spaces";
    return failure(ErrorKind::kInvalid, why);
  }
  if (reader.error) return failure(std::move(*reader.error));
  return config;
}

}  // namespace ringside::central
