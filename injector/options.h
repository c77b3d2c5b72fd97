// The command line of ringside-injector.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "kube/serving_certificate.h"

namespace ringside::injector {

struct Address {
  std::string host;  // empty: every address
  uint16_t port = 0;

  bool operator==(const Address&) const = default;
};

struct Options {
  std::string sidecar_image;
  std::string image_pull_policy = "IfNotPresent";
  Address webhook{.host = {}, .port = 9443};
  Address health{.host = {}, .port = 8081};
  Address metrics{.host = {}, .port = 8080};
  std::string ns;  // empty: the pod's own
  std::string service_name = "injector";
  std::string webhook_configuration = "ringside-injector";
  std::vector<std::string> certificate_names;  // beside the Service's
  std::string cert_dir;                        // mounted certificate; empty: made by ourselves
  kube::CertificateLifetimes lifetimes;        // of those that we make
  std::string kubeconfig;                      // empty: the pod's ServiceAccount
  LogLevel log_level = LogLevel::kInfo;
};

// The options, or the exit code of a process that has said what it had to (--help, --version, a mistake).
std::expected<Options, int> parse_options(int argc, const char* const* argv);

// ":9443", "127.0.0.1:9443", "[::1]:9443". kInvalid otherwise.
Result<Address> parse_address(std::string_view text);

}  // namespace ringside::injector
