#include "kube/api_server.h"

namespace ringside::kube {

Result<std::unique_ptr<ApiServer>> ApiServer::create(event::Loop& loop, Logger log, const Config& config,
                                                     Client::Options options) {
  auto tls = net::TlsClientContext::create(config.tls);
  if (!tls) return failure(tls.error().with_context("connection to the API server"));
  auto server = std::unique_ptr<ApiServer>(new ApiServer());
  server->credentials_ = Credentials::create(config);
  bool v6 = config.host.find(':') != std::string::npos;
  http::Client::Options http_options;
  http_options.authority = (v6 ? "[" + config.host + "]" : config.host) + ":" + std::to_string(config.port);
  server->http_ = std::make_unique<http::Client>(loop, std::move(log),
                                                 http::tls_dialer(loop, config.host, config.port, *tls), http_options);
  server->client_ = std::make_unique<Client>(loop, *server->http_, *server->credentials_, std::move(options));
  return server;
}

}  // namespace ringside::kube
