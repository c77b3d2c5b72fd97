#include "sidecar/serving_identity.h"

#include <algorithm>
#include <vector>

#include "base/file.h"
#include "net/x509.h"

namespace ringside::sidecar {
namespace {

// Whatever an unmodified client may call the API server by: the redirected environment, the in-cluster names, and its
// own names or addresses.
std::vector<std::string> server_names(const std::vector<std::string>& api_server) {
  std::vector<std::string> names = {"127.0.0.1",
                                    "::1",
                                    "localhost",
                                    "kubernetes",
                                    "kubernetes.default",
                                    "kubernetes.default.svc",
                                    "kubernetes.default.svc.cluster.local"};
  for (const std::string& name : api_server) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

constexpr std::chrono::hours kCaLifetime{24 * 3650};
constexpr std::chrono::hours kServingLifetime{24 * 3650};

Result<ServingIdentity> issue(const net::CertificateAndKey& ca, const std::vector<std::string>& names, WallTime now) {
  auto serving = net::issue_serving_certificate(ca, names, now, kServingLifetime);
  if (!serving) return failure(serving.error());
  return ServingIdentity{.ca_pem = ca.certificate_pem, .serving = std::move(*serving)};
}

// By an authority of before, whose files may be anything: a key that is another's, say.
Result<ServingIdentity> issue_again(const net::CertificateAndKey& ca, const std::vector<std::string>& names,
                                    WallTime now) {
  auto identity = issue(ca, names, now);
  if (!identity) return identity;
  if (auto sound = net::check_serving_certificate(identity->serving, ca.certificate_pem, names); !sound) {
    return failure(sound.error());
  }
  identity->inherited = true;
  return identity;
}

}  // namespace

Result<ServingIdentity> load_or_make_identity(const std::string& state_dir, const std::vector<std::string>& api_server,
                                              WallTime now) {
  std::vector<std::string> names = server_names(api_server);
  auto certificate = read_file(state_dir + "/ca.crt");
  auto key = read_file(state_dir + "/ca.key");
  if (certificate && key) {
    if (auto identity = issue_again({*certificate, *key}, names, now)) return identity;
  }
  auto ca = net::make_ca("ringside-sidecar", now, kCaLifetime);
  if (!ca) return failure(ca.error());
  if (auto done = write_file_atomically(state_dir + "/ca.key", ca->key_pem, 0600); !done) return failure(done.error());
  if (auto done = write_file_atomically(state_dir + "/ca.crt", ca->certificate_pem, 0600); !done) {
    return failure(done.error());
  }
  return issue(*ca, names, now);
}

}  // namespace ringside::sidecar
