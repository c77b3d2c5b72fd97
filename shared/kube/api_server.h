// Everything between a Config and a kube::Client, made in one place for the programs' main functions.
#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "event/loop.h"
#include "http/client.h"
#include "kube/client.h"
#include "kube/config.h"

namespace ringside::kube {

// Owns what it hands out.
class ApiServer {
 public:
  // kInvalid if certificates do not parse. Nothing is connected yet.
  static Result<std::unique_ptr<ApiServer>> create(event::Loop& loop, Logger log, const Config& config,
                                                   Client::Options options);

  Client& client() { return *client_; }
  http::Client& http() { return *http_; }
  Credentials& credentials() { return *credentials_; }

 private:
  ApiServer() = default;
  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<http::Client> http_;
  std::unique_ptr<Client> client_;
};

}  // namespace ringside::kube
