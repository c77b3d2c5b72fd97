// The stream on which a TLS connection runs after its handshake, and the BIO that both use. Internal to this folder.
#pragma once

#include <memory>
#include <string>

#include "event/loop.h"
#include "net/byte_stream.h"

struct ssl_st;
struct ssl_ctx_st;

namespace ringside::net {

struct SslFree {
  void operator()(ssl_st* ssl) const;
};
using SslPtr = std::unique_ptr<ssl_st, SslFree>;

// The stream below, and how the BIO is to use it.
struct TlsWire {
  std::unique_ptr<ByteStream> stream;
  bool gathers = false;  // after the handshake: records go out together, and reading stops where there is no more
  bool drained = false;  // the last read brought less than it could have
};

// A TLS connection on that wire, which must outlive it.
SslPtr make_ssl(ssl_ctx_st* context, TlsWire& wire);

// The encrypted stream; the handshake has been done. The stream below must be no encrypted one itself.
std::unique_ptr<ByteStream> make_tls_stream(event::Loop& loop, std::unique_ptr<TlsWire> wire, SslPtr ssl);

// The reasons that OpenSSL has queued, oldest first.
std::string take_openssl_errors();

}  // namespace ringside::net
