// X.509 certificates (RFC 5280) that a process makes for itself: ECDSA P-256 keys, SHA-256 signatures.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "net/tls.h"

namespace ringside::net {

// A certificate authority that is valid from an hour before `now` (for skewed clocks) for `lifetime`.
Result<CertificateAndKey> make_ca(std::string_view common_name, WallTime now, std::chrono::seconds lifetime);

// A serving certificate for the names (DNS names or IP addresses), signed by the CA. The chain holds the leaf alone.
Result<CertificateAndKey> issue_serving_certificate(const CertificateAndKey& ca, const std::vector<std::string>& names,
                                                    WallTime now, std::chrono::seconds lifetime);

// When the first certificate of the PEM text was made, if it was by one of the above.
Result<WallTime> made_at(std::string_view certificate_pem);

// When the first certificate of the PEM text ends to be valid.
Result<WallTime> not_after(std::string_view certificate_pem);

// Whether the leaf is signed by the CA, matches its key, and covers all the names, and whether TLS can serve it with
// its chain.
Result<void> check_serving_certificate(const CertificateAndKey& leaf, std::string_view ca_pem,
                                       const std::vector<std::string>& names);

}  // namespace ringside::net
