// Where the API server is and how to speak to it: inside a pod, or from a kubeconfig.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "net/tls.h"

namespace ringside::kube {

struct Config {
  std::string host;  // a name or an IP address
  uint16_t port = 443;
  net::TlsClientOptions tls;
  std::string ca_file;     // where tls.ca_pem is from, if it is a file: read again for new connections
  std::string token;       // a fixed token, if not empty
  std::string token_file;  // else a file to read before use, if not empty
  std::string ns;          // the pod's or the context's namespace; "default" if none
};

// From the files of the ServiceAccount directory, and KUBERNETES_SERVICE_HOST and _PORT (handed in, since only main
// looks at the environment). kNotFound, kInvalid with what is missing.
Result<Config> in_cluster_config(
    const std::string& service_host, const std::string& service_port,
    const std::string& serviceaccount_dir = "/var/run/secrets/kubernetes.io/serviceaccount");

// The current context of a kubeconfig file: server, certificate authority (data or file), client certificate, token or
// token file. exec and auth-provider plugins, passwords and impersonation are refused by name.
Result<Config> kubeconfig_config(const std::string& path);

// The bearer token of each request. A file is read again when it is older than a minute or after a 401.
class Credentials {
 public:
  virtual ~Credentials() = default;
  static std::unique_ptr<Credentials> create(const Config& config);
  // Empty: no Authorization header. The last good token if the file cannot be read now.
  virtual std::string token(TimePoint now) = 0;
  // The API server refused the token: read it again at the next use.
  virtual void expire() = 0;
};

}  // namespace ringside::kube
