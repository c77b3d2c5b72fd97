// TLS (1.2 and 1.3, RFC 8446) over any byte stream; OpenSSL behind a BIO of ours.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "event/loop.h"
#include "event/task.h"
#include "net/byte_stream.h"

namespace ringside::net {

// A certificate chain (leaf first) and its private key, as PEM.
struct CertificateAndKey {
  std::string certificate_pem;
  std::string key_pem;
};

// What a TLS server offers. Thread of the loop only.
class TlsServerContext {
 public:
  virtual ~TlsServerContext() = default;
  // alpn: protocols in order of preference, e.g. {"h2", "http/1.1"}. kInvalid if certificate and key do not parse or
  // match, or OpenSSL refuses one of the chain as too weak.
  static Result<std::shared_ptr<TlsServerContext>> create(const CertificateAndKey& identity,
                                                          std::vector<std::string> alpn);
  // Handshakes from now on use this; established connections stay as they are. On error the old one stays.
  virtual Result<void> replace(const CertificateAndKey& identity) = 0;
};

struct TlsClientOptions {
  std::string ca_pem;               // the roots to trust, and no others
  CertificateAndKey identity = {};  // empty: no client certificate
  std::vector<std::string> alpn = {"h2"};
  bool insecure_skip_verify = false;  // kubeconfig's insecure-skip-tls-verify
};

class TlsClientContext {
 public:
  virtual ~TlsClientContext() = default;
  static Result<std::shared_ptr<TlsClientContext>> create(const TlsClientOptions& options);
};

// A stream that has been encrypted. The handshake has been done.
struct TlsConnection {
  std::unique_ptr<ByteStream> stream;
  std::string alpn;  // the protocol that was agreed on; empty if none
};

// Shakes hands over `inner`, which the result owns and which is not itself encrypted by us. server_name is checked
// against the certificate: a DNS name or an IP address. kDisconnected if the peer goes away, kInvalid if the
// certificate is not what it should be.
event::Task<Result<TlsConnection>> tls_connect(event::Loop& loop, std::unique_ptr<ByteStream> inner,
                                               const TlsClientContext& context, std::string server_name);
event::Task<Result<TlsConnection>> tls_accept(event::Loop& loop, std::unique_ptr<ByteStream> inner,
                                              const TlsServerContext& context);

}  // namespace ringside::net
