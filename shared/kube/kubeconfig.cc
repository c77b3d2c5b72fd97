// kubeconfig files (client.authentication and clientcmd.k8s.io/v1 Config): the current context as a Config.
#include <yaml-cpp/yaml.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/strings.h"
#include "kube/config.h"

namespace ringside::kube {
namespace {

// A node's scalar member, or empty.
std::string text_of(const YAML::Node& node, const char* member) {
  if (!node.IsMap() || !node[member] || !node[member].IsScalar()) return {};
  return node[member].as<std::string>();
}

// The entry of that name in one of the lists clusters, users and contexts.
Result<YAML::Node> entry_of(const YAML::Node& root, const char* list, const char* member, const std::string& name) {
  if (root[list].IsDefined() && root[list].IsSequence()) {
    for (const auto& entry : root[list]) {
      if (text_of(entry, "name") == name && entry[member]) return entry[member];
    }
  }
  return failure(ErrorKind::kInvalid, std::string("no entry '") + name + "' in its " + list);
}

std::string resolve(const std::string& file, const std::string& kubeconfig) {
  if (file.empty() || file.front() == '/') return file;
  size_t slash = kubeconfig.rfind('/');
  return slash == std::string::npos ? file : kubeconfig.substr(0, slash + 1) + file;
}

// "<member>-data" in base64, or the file that "<member>" names; empty if there is neither.
Result<std::string> data_or_file(const YAML::Node& node, const std::string& member, const std::string& kubeconfig) {
  std::string data = text_of(node, (member + "-data").c_str());
  if (!data.empty()) {
    auto bytes = parse_base64(data);
    if (!bytes) return failure(bytes.error().with_context(member + "-data"));
    return bytes;
  }
  std::string file = text_of(node, member.c_str());
  if (file.empty()) return std::string();
  return read_file(resolve(file, kubeconfig));
}

Result<void> parse_server(const std::string& server, Config& config) {
  constexpr std::string_view kScheme = "https://";
  if (!server.starts_with(kScheme)) {
    return failure(ErrorKind::kInvalid, "server '" + server + "' is not https://host[:port]");
  }
  std::string_view rest = std::string_view(server).substr(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find('/') != std::string_view::npos) {
    return failure(ErrorKind::kInvalid, "server '" + server + "': a path in the address is not supported");
  }
  size_t colon = rest.rfind(':');
  bool v6_without_port = rest.ends_with(']');
  if (colon != std::string_view::npos && !v6_without_port) {
    auto port = parse_int(rest.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) return failure(ErrorKind::kInvalid, "server '" + server + "': bad port");
    config.port = uint16_t(*port);
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  if (rest.empty()) return failure(ErrorKind::kInvalid, "server '" + server + "' names no host");
  config.host = rest;
  return {};
}

Result<void> parse_user(const YAML::Node& user, const std::string& path, Config& config) {
  for (const char* member : {"exec", "auth-provider", "username", "as"}) {
    if (user[member]) {
      return failure(ErrorKind::kInvalid, std::string("the user has '") + member +
                                              "', which is not supported; use a token or a client certificate");
    }
  }
  auto certificate = data_or_file(user, "client-certificate", path);
  if (!certificate) return failure(certificate.error());
  auto key = data_or_file(user, "client-key", path);
  if (!key) return failure(key.error());
  config.tls.identity = {*certificate, *key};
  config.token = text_of(user, "token");
  config.token_file = resolve(text_of(user, "tokenFile"), path);
  return {};
}

Result<Config> parse(const YAML::Node& root, const std::string& path) {
  std::string current = text_of(root, "current-context");
  if (current.empty()) return failure(ErrorKind::kInvalid, "it has no current-context");
  auto context = entry_of(root, "contexts", "context", current);
  if (!context) return failure(context.error());
  auto cluster = entry_of(root, "clusters", "cluster", text_of(*context, "cluster"));
  if (!cluster) return failure(cluster.error());
  auto user = entry_of(root, "users", "user", text_of(*context, "user"));
  if (!user) return failure(user.error());

  Config config;
  if (auto server = parse_server(text_of(*cluster, "server"), config); !server) return failure(server.error());
  auto ca = data_or_file(*cluster, "certificate-authority", path);
  if (!ca) return failure(ca.error());
  config.tls.ca_pem = std::move(*ca);
  if (text_of(*cluster, "certificate-authority-data").empty()) {
    config.ca_file = resolve(text_of(*cluster, "certificate-authority"), path);
  }
  config.tls.insecure_skip_verify = text_of(*cluster, "insecure-skip-tls-verify") == "true";
  if (auto parsed = parse_user(*user, path, config); !parsed) return failure(parsed.error());
  config.ns = text_of(*context, "namespace");
  if (config.ns.empty()) config.ns = "default";
  return config;
}

}  // namespace

Result<Config> kubeconfig_config(const std::string& path) {
  auto text = read_file(path);
  if (!text) return failure(text.error().with_context("kubeconfig"));
  try {
    auto config = parse(YAML::Load(*text), path);
    if (!config) return failure(config.error().with_context("kubeconfig " + path));
    return config;
  } catch (const YAML::Exception& error) {
    return failure(ErrorKind::kInvalid, "kubeconfig " + path + ": " + error.what());
  }
}

}  // namespace ringside::kube
