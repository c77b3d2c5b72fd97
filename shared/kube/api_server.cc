#include "kube/api_server.h"

#include "kube/dialer.h"

namespace ringside::kube {

Result<std::unique_ptr<ApiServer>> ApiServer::create(event::Loop& loop, Logger log, const Config& config,
                                                     Client::Options options) {
  auto dialer = make_dialer(loop, log, config);
  if (!dialer) return failure(dialer.error());
  auto server = std::unique_ptr<ApiServer>(new ApiServer());
  server->credentials_ = Credentials::create(config);
  server->http_ = std::make_unique<http::Client>(loop, std::move(log), std::move(*dialer),
                                                 http::Client::Options{.authority = authority_of(config)});
  server->client_ = std::make_unique<Client>(loop, *server->http_, *server->credentials_, std::move(options));
  return server;
}

}  // namespace ringside::kube
