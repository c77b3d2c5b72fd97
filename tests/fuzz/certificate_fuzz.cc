// Any text as certificates and key in PEM, as a Secret or mounted files have them.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kube/serving_certificate.h"
#include "net/tls.h"
#include "net/x509.h"
#include "tests/fuzz/require.h"

using namespace ringside;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string pem(reinterpret_cast<const char*>(data), size);
  net::CertificateAndKey identity = {.certificate_pem = pem, .key_pem = pem};
  static_cast<void>(net::made_at(pem));
  auto checked = net::check_serving_certificate(identity, pem, {"sharder.sharding-system.svc", "127.0.0.1"});
  // A context costs much more than all else here.
  if (net::not_after(pem)) {
    auto served = net::TlsServerContext::create(identity, {"h2"});
    require(!checked || served);
  } else {
    require(!checked);
  }
  auto secret = kube::parse_secret(kube::to_secret({.ca = identity, .ca_bundle = pem, .serving = identity}));
  require(secret.serving.certificate_pem == pem && secret.ca.key_pem == pem && secret.ca_bundle == pem);
  return 0;
}
