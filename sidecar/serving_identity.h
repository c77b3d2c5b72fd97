// The certificate with which the sidecar stands in for the API server, and the authority that signed it.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "net/tls.h"

namespace ringside::sidecar {

struct ServingIdentity {
  std::string ca_pem;  // for the app's ca.crt
  net::CertificateAndKey serving;
  bool inherited = false;  // the authority is that of a sidecar before this one
};

// api_server: the names or addresses by which clients know the API server, empty ones apart; those that are redirected
// expect them.
//
// The authority is kept in state_dir (ca.crt, ca.key; readable by us alone), so that a restarted sidecar is one that
// the running app trusts already; the serving certificate is made anew at every start. A damaged authority is replaced.
Result<ServingIdentity> load_or_make_identity(const std::string& state_dir, const std::vector<std::string>& api_server,
                                              WallTime now);

}  // namespace ringside::sidecar
