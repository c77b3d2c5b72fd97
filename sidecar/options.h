// The sidecar's command line. The injector writes it; people use it to try things by hand.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "http/url.h"
#include "kube/meta.h"
#include "sidecar/election_bridge.h"
#include "sidecar/redirect.h"

namespace ringside::sidecar {

struct HostPort {
  std::string host;
  uint16_t port = 0;
};

// "127.0.0.1:16443", "[::1]:16443", ":16480" (all addresses).
Result<HostPort> parse_host_port(std::string_view text);

struct Options {
  std::string ring;
  std::string shard;
  std::string ns;
  HostPort listen;
  std::vector<HostPort> also_listen;  // where possible: in-cluster names are redirected to 127.0.0.1:443
  HostPort status_listen;
  std::string kubeconfig;             // empty: in-cluster configuration
  std::string service_host;           // of the API server's Service, by which clients may call the sidecar; or empty
  std::string serviceaccount_source;  // the kubelet's directory
  std::string serviceaccount_dir;     // the app's directory; empty: none is written
  std::string state_dir;
  ElectionOptions election;
  std::vector<kube::GroupResource> all_views;
  std::optional<http::Url> metrics;  // of the controller
  Duration grace = std::chrono::seconds(3);
  Duration quiet_window = std::chrono::milliseconds(150);
  bool unsafe_handover = false;  // for the control run of tests/chaos alone
  Duration shutdown_patience = std::chrono::seconds(5);
  LogLevel log_level = LogLevel::kInfo;
};

// What to do, or nullopt and the exit code after --help, --version or a usage error, which has been printed.
struct ParsedOptions {
  std::optional<Options> options;
  int exit_code = 0;
};
ParsedOptions parse_options(int argc, char** argv);

// Of `ringside-sidecar redirect`, without that word. The service is asked for by whoever has the environment.
struct ParsedRedirectOptions {
  std::optional<RedirectOptions> options;
  int exit_code = 0;
};
ParsedRedirectOptions parse_redirect_options(int argc, char** argv);

}  // namespace ringside::sidecar
