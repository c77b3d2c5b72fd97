#include "kube/dialer.h"

#include <utility>

#include "base/file.h"

namespace ringside::kube {
namespace {

// The TLS side of a dialer.
class Trust {
 public:
  Trust(Logger log, net::TlsClientOptions options, std::string ca_file, std::shared_ptr<net::TlsClientContext> context)
      : log_(std::move(log)),
        options_(std::move(options)),
        ca_file_(std::move(ca_file)),
        context_(std::move(context)) {}

  // Read again for each connection: these are few, and a change is in force with the first that needs it.
  const std::shared_ptr<net::TlsClientContext>& context() {
    if (ca_file_.empty() || options_.insecure_skip_verify) return context_;
    auto pem = read_file(ca_file_);
    if (pem && *pem == options_.ca_pem) return context_;
    auto fresh = pem ? with_ca(*pem) : failure(pem.error());
    if (fresh) {
      context_ = std::move(*fresh);
      log_.info("the API server's certificate authorities have changed", {{"file", ca_file_}});
    } else {
      log_.warn("the API server's certificate authorities cannot be read again, those of before are used",
                {{"file", ca_file_}, {"error", fresh.error().message}});
    }
    return context_;
  }

 private:
  Result<std::shared_ptr<net::TlsClientContext>> with_ca(const std::string& pem) {
    net::TlsClientOptions options = options_;
    options.ca_pem = pem;
    auto context = net::TlsClientContext::create(options);
    if (context) options_ = std::move(options);
    return context;
  }

  Logger log_;
  net::TlsClientOptions options_;
  std::string ca_file_;
  std::shared_ptr<net::TlsClientContext> context_;
};

}  // namespace

std::string authority_of(const Config& config) {
  bool v6 = config.host.find(':') != std::string::npos;
  return (v6 ? "[" + config.host + "]" : config.host) + ":" + std::to_string(config.port);
}

Result<http::Dialer> make_dialer(event::Loop& loop, Logger log, const Config& config, std::string protocol) {
  net::TlsClientOptions options = config.tls;
  options.alpn = {protocol};
  auto context = net::TlsClientContext::create(options);
  if (!context) return failure(context.error().with_context("connection to the API server"));
  return [&loop, host = config.host, port = config.port, protocol = std::move(protocol),
          trust = Trust(std::move(log), std::move(options), config.ca_file, std::move(*context))]() mutable {
    return http::dial_tls(loop, host, port, trust.context(), protocol);
  };
}

}  // namespace ringside::kube
