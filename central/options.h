// The command line of ringside-central.
#pragma once

#include <expected>
#include <string>

#include "base/log.h"

namespace ringside::central {

struct Options {
  std::string config;      // path of a SharderConfig; empty: all defaults
  std::string kubeconfig;  // path; empty: that of the configuration, else the pod's ServiceAccount
  LogLevel log_level = LogLevel::kInfo;
};

// The options, or the exit code of a process that has said what it had to (--help, --version, a mistake).
std::expected<Options, int> parse_options(int argc, const char* const* argv);

}  // namespace ringside::central
