#include "kube/config.h"

#include "base/file.h"
#include "base/strings.h"

namespace ringside::kube {
namespace {

constexpr Duration kTokenAge = std::chrono::minutes(1);

class FixedToken : public Credentials {
 public:
  explicit FixedToken(std::string token) : token_(std::move(token)) {}
  std::string token(TimePoint) override { return token_; }
  void expire() override {}

 private:
  std::string token_;
};

class TokenFile : public Credentials {
 public:
  explicit TokenFile(std::string path) : path_(std::move(path)) {}

  std::string token(TimePoint now) override {
    if (read_ && now - read_at_ < kTokenAge) return token_;
    auto text = read_file(path_);
    if (std::string fresh = text ? trim_lines(*text) : std::string(); !fresh.empty()) {
      token_ = std::move(fresh);
      read_ = true;
      read_at_ = now;
    }
    return token_;
  }
  void expire() override { read_ = false; }

 private:
  static std::string trim_lines(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    return std::string(trim(text));
  }

  std::string path_;
  std::string token_;
  bool read_ = false;
  TimePoint read_at_;
};

}  // namespace

Result<Config> in_cluster_config(const std::string& service_host, const std::string& service_port,
                                 const std::string& serviceaccount_dir) {
  if (service_host.empty() || service_port.empty()) {
    return failure(ErrorKind::kNotFound,
                   "not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; use --kubeconfig");
  }
  auto port = parse_int(service_port);
  if (!port || *port < 1 || *port > 65535) {
    return failure(ErrorKind::kInvalid, "KUBERNETES_SERVICE_PORT is no port: '" + service_port + "'");
  }
  auto ca = read_file(serviceaccount_dir + "/ca.crt");
  if (!ca) return failure(ca.error().with_context("certificate authority of the API server"));
  auto token = read_file(serviceaccount_dir + "/token");
  if (!token) return failure(token.error().with_context("ServiceAccount token"));
  Config config;
  config.host = service_host;
  config.port = uint16_t(*port);
  config.tls.ca_pem = std::move(*ca);
  config.ca_file = serviceaccount_dir + "/ca.crt";
  config.token_file = serviceaccount_dir + "/token";
  auto ns = read_file(serviceaccount_dir + "/namespace");
  config.ns = ns && !ns->empty() ? *ns : "default";
  return config;
}

std::unique_ptr<Credentials> Credentials::create(const Config& config) {
  if (!config.token_file.empty()) return std::make_unique<TokenFile>(config.token_file);
  return std::make_unique<FixedToken>(config.token);
}

}  // namespace ringside::kube
