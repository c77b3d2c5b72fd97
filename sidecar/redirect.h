// Mode `redirect` (docs/design.md, section 2): what an init container of the pod does before the controller starts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ringside::sidecar {

struct RedirectOptions {
  std::string service_host;  // the API server's Service: an IPv4 or IPv6 address
  uint16_t service_port = 443;
  uint16_t to_port = 16443;     // of the sidecar, on the loopback address of the same family
  uint32_t except_uid = 16443;  // as whom the sidecar runs: its own connections go where they are meant to go
  std::string nft = "/usr/sbin/nft";
};

// The Service's address and port, for whoever has the environment: `host` and `port` if the former is an address. Else
// the user has set it to a name, and the kubelet's KUBERNETES_PORT (tcp://10.96.0.1:443, tcp://[fd00::1]:443) tells
// them; if that is of no use either, `host` and `port` it is. Pure.
struct ServiceAddress {
  std::string host;
  std::string port;
  bool operator==(const ServiceAddress&) const = default;
};
ServiceAddress find_service_address(std::string host, std::string port, std::string_view kubernetes_port);

// The rules in nft's language. They replace those of an earlier run. kInvalid if service_host is no address. Pure.
Result<std::string> make_redirect_rules(const RedirectOptions& options);

// Becomes nft, which reads the rules and ends with 0 if they are in force. Returns only if that cannot be.
Error apply_redirect_rules(const RedirectOptions& options, const std::string& rules);

}  // namespace ringside::sidecar
