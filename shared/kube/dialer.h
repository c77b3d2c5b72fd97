// Connections to the API server that a Config names.
#pragma once

#include <string>

#include "base/error.h"
#include "base/log.h"
#include "event/loop.h"
#include "http/client.h"
#include "kube/config.h"

namespace ringside::kube {

// host:port, as requests name the API server.
std::string authority_of(const Config& config);

// Every connection is verified by the certificate authorities that Config::ca_file has when it is made, so that those
// of a running cluster can be replaced; connections that stand are left alone. While the file cannot be used, what it
// had before stays in force, and the log says so. `protocol` is what the API server must agree to speak: h2 or
// http/1.1. kInvalid if the certificates of the Config do not parse.
Result<http::Dialer> make_dialer(event::Loop& loop, Logger log, const Config& config, std::string protocol = "h2");

}  // namespace ringside::kube
