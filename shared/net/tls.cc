#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "event/async.h"
#include "net/tls_stream.h"

namespace ringside::net {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using ContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

// --- Contexts.

ContextPtr make_context(const SSL_METHOD* method) {
  ContextPtr context(SSL_CTX_new(method));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // Peers that close without close_notify are an ordinary end of file: HTTP frames its own messages.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  // One system call brings all that is there and fits. The buffer is there only while it holds something
  // (SSL_MODE_RELEASE_BUFFERS).
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

std::string alpn_wire_format(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const auto& protocol : protocols) wire += char(protocol.size()) + protocol;
  return wire;
}

BioPtr memory_bio(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), int(text.size())));
}

// What follows the leaf in the text. Peers would miss a certificate that OpenSSL refuses (a key that is too weak).
Result<void> use_chain(SSL_CTX* context, BIO* certificates) {
  SSL_CTX_clear_chain_certs(context);
  while (CertificatePtr next{PEM_read_bio_X509(certificates, nullptr, nullptr, nullptr)}) {
    if (SSL_CTX_add0_chain_cert(context, next.get()) != 1) {
      return failure(ErrorKind::kInvalid, "certificate chain: " + take_openssl_errors());
    }
    static_cast<void>(next.release());
  }
  ERR_clear_error();
  return {};
}

Result<void> use_identity(SSL_CTX* context, const CertificateAndKey& identity) {
  ERR_clear_error();
  BioPtr certificates = memory_bio(identity.certificate_pem);
  CertificatePtr leaf(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return failure(ErrorKind::kInvalid, "certificate: " + take_openssl_errors());
  }
  if (auto used = use_chain(context, certificates.get()); !used) return used;
  BioPtr key_text = memory_bio(identity.key_pem);
  // The empty pass phrase keeps OpenSSL from asking the terminal for one.
  std::string no_pass_phrase;
  KeyPtr key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, no_pass_phrase.data()));
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return failure(ErrorKind::kInvalid, "private key: " + take_openssl_errors());
  }
  return {};
}

Result<void> trust(SSL_CTX* context, std::string_view ca_pem) {
  BioPtr text = memory_bio(ca_pem);
  int count = 0;
  while (X509* certificate = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)) {
    CertificatePtr owned(certificate);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
    ++count;
  }
  ERR_clear_error();
  if (count == 0) return failure(ErrorKind::kInvalid, "certificate authority: no PEM certificate in it");
  // As in Go: an authority that another one has signed is trusted like any, without that one.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  return {};
}

class ServerContext : public TlsServerContext {
 public:
  explicit ServerContext(std::vector<std::string> alpn) : alpn_(alpn_wire_format(alpn)) {}

  Result<void> replace(const CertificateAndKey& identity) override {
    ContextPtr fresh = make_context(TLS_server_method());
    if (auto used = use_identity(fresh.get(), identity); !used) return used;
    SSL_CTX_set_alpn_select_cb(fresh.get(), select_alpn, this);
    // Resumption saves little against short chains and costs memory per client.
    SSL_CTX_set_session_cache_mode(fresh.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(fresh.get(), 0);
    context_ = std::move(fresh);
    return {};
  }
  SSL_CTX* get() const { return context_.get(); }

 private:
  static int select_alpn(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                         unsigned offered_size, void* self) {
    const auto& own = static_cast<ServerContext*>(self)->alpn_;
    unsigned char* chosen = nullptr;
    int found = SSL_select_next_proto(&chosen, size, reinterpret_cast<const unsigned char*>(own.data()),
                                      unsigned(own.size()), offered, offered_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  std::string alpn_;
  ContextPtr context_;
};

class ClientContext : public TlsClientContext {
 public:
  explicit ClientContext(ContextPtr context) : context_(std::move(context)) {}
  SSL_CTX* get() const { return context_.get(); }

 private:
  ContextPtr context_;
};

Error handshake_error(SSL* ssl, const ByteStream& inner) {
  long verification = SSL_get_verify_result(ssl);
  if (verification != X509_V_OK && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE) {
    return {ErrorKind::kInvalid, std::string("TLS handshake: the peer's certificate is not trusted: ") +
                                     X509_verify_cert_error_string(verification)};
  }
  if (!inner.error().message.empty()) return inner.error().with_context("TLS handshake");
  if (ERR_peek_error() == 0) return {ErrorKind::kDisconnected, "TLS handshake: connection closed by the peer"};
  return {ErrorKind::kDisconnected, "TLS handshake: " + take_openssl_errors()};
}

event::Task<Result<TlsConnection>> shake_hands(event::Loop& loop, std::unique_ptr<TlsWire> wire, SslPtr ssl) {
  event::Signal ready(loop);
  ByteStream& stream = *wire->stream;
  // The callback must not outlive this frame's locals: TlsStream replaces it, or the stream dies with the frame.
  stream.set_ready_callback([&](bool, bool) {
    stream.want(false, false);
    ready.notify();
  });
  for (;;) {
    ERR_clear_error();
    int done = SSL_do_handshake(ssl.get());
    if (done == 1) break;
    int why = SSL_get_error(ssl.get(), done);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
      co_return failure(handshake_error(ssl.get(), stream));
    stream.want(why == SSL_ERROR_WANT_READ, why == SSL_ERROR_WANT_WRITE);
    // Until the peer's next flight: SSL_MODE_RELEASE_BUFFERS does so only after the handshake, and all clients come at
    // once when this process has been restarted.
    SSL_free_buffers(ssl.get());
    co_await ready.wait();
  }
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl.get(), &alpn, &alpn_size);
  TlsConnection connection;
  if (alpn_size > 0) connection.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  connection.stream = make_tls_stream(loop, std::move(wire), std::move(ssl));
  co_return connection;
}

bool is_ip_address(const std::string& name) {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, name.c_str(), buffer) == 1 || inet_pton(AF_INET6, name.c_str(), buffer) == 1;
}

}  // namespace

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::create(const CertificateAndKey& identity,
                                                                   std::vector<std::string> alpn) {
  auto context = std::make_shared<ServerContext>(std::move(alpn));
  if (auto used = context->replace(identity); !used) return failure(used.error());
  return context;
}

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::create(const TlsClientOptions& options) {
  ContextPtr context = make_context(TLS_client_method());
  if (options.insecure_skip_verify) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  } else {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (auto trusted = trust(context.get(), options.ca_pem); !trusted) return failure(trusted.error());
  }
  if (!options.identity.certificate_pem.empty()) {
    if (auto used = use_identity(context.get(), options.identity); !used) {
      return failure(used.error().with_context("client certificate"));
    }
  }
  std::string alpn = alpn_wire_format(options.alpn);
  SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(alpn.data()), unsigned(alpn.size()));
  return std::make_shared<ClientContext>(std::move(context));
}

event::Task<Result<TlsConnection>> tls_connect(event::Loop& loop, std::unique_ptr<ByteStream> inner,
                                               const TlsClientContext& context, std::string server_name) {
  // OpenSSL would check no name at all.
  if (server_name.empty()) co_return failure(ErrorKind::kInvalid, "TLS handshake: no server name to check");
  auto wire = std::make_unique<TlsWire>(std::move(inner));
  SslPtr ssl = make_ssl(static_cast<const ClientContext&>(context).get(), *wire);
  if (is_ip_address(server_name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), server_name.c_str());
  } else {
    SSL_set1_host(ssl.get(), server_name.c_str());
    SSL_set_tlsext_host_name(ssl.get(), server_name.c_str());
  }
  SSL_set_connect_state(ssl.get());
  co_return co_await shake_hands(loop, std::move(wire), std::move(ssl));
}

event::Task<Result<TlsConnection>> tls_accept(event::Loop& loop, std::unique_ptr<ByteStream> inner,
                                              const TlsServerContext& context) {
  auto wire = std::make_unique<TlsWire>(std::move(inner));
  SslPtr ssl = make_ssl(static_cast<const ServerContext&>(context).get(), *wire);
  SSL_set_accept_state(ssl.get());
  co_return co_await shake_hands(loop, std::move(wire), std::move(ssl));
}

}  // namespace ringside::net
