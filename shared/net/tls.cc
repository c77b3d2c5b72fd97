#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "event/async.h"

namespace ringside::net {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using SslPtr = std::unique_ptr<SSL, Deleter<SSL_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

// The reasons that OpenSSL has queued, oldest first.
std::string take_openssl_errors() {
  std::string text;
  while (unsigned long code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    if (!text.empty()) text += "; ";
    text += reason ? reason : "error " + std::to_string(code);
  }
  return text.empty() ? "unknown TLS error" : text;
}

// --- A BIO over a ByteStream, which it does not own.

ByteStream& stream_of(BIO* bio) {
  return *static_cast<ByteStream*>(BIO_get_data(bio));
}

int bio_read(BIO* bio, char* buffer, int size) {
  BIO_clear_retry_flags(bio);
  IoResult result = stream_of(bio).read({buffer, size_t(size)});
  if (result.status == IoStatus::kOk) return int(result.n);
  if (result.status == IoStatus::kWouldBlock) BIO_set_retry_read(bio);
  if (result.status != IoStatus::kEnd) return -1;
  BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return 0;
}

int bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  IoResult result = stream_of(bio).write({bytes, size_t(size)});
  if (result.status == IoStatus::kOk) return int(result.n);
  if (result.status == IoStatus::kWouldBlock) BIO_set_retry_write(bio);
  return -1;
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
  return command == BIO_CTRL_FLUSH;
}

BIO_METHOD* stream_method() {
  static BIO_METHOD* const kMethod = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ringside stream");
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
  }();
  return kMethod;
}

SslPtr make_ssl(SSL_CTX* context, ByteStream& inner) {
  SslPtr ssl(SSL_new(context));
  BIO* bio = BIO_new(stream_method());
  BIO_set_data(bio, &inner);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  return ssl;
}

// --- Contexts.

// Three records of the largest size, and below what malloc takes from the kernel and gives back each time.
constexpr size_t kReadAhead = 52 << 10;

ContextPtr make_context(const SSL_METHOD* method) {
  ContextPtr context(SSL_CTX_new(method));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // Peers that close without close_notify are an ordinary end of file: HTTP frames its own messages.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  // One system call brings several records. The buffer is there only while it holds something
  // (SSL_MODE_RELEASE_BUFFERS).
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), kReadAhead);
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

Result<void> use_identity(SSL_CTX* context, const CertificateAndKey& identity) {
  ERR_clear_error();
  BioPtr certificates = memory_bio(identity.certificate_pem);
  CertificatePtr leaf(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return failure(ErrorKind::kInvalid, "certificate: " + take_openssl_errors());
  }
  SSL_CTX_clear_chain_certs(context);
  while (X509* next = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)) {
    SSL_CTX_add0_chain_cert(context, next);
  }
  ERR_clear_error();
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

// --- The encrypted stream.

class TlsStream : public ByteStream {
 public:
  TlsStream(event::Loop& loop, std::unique_ptr<ByteStream> inner, SslPtr ssl)
      : loop_(loop), inner_(std::move(inner)), ssl_(std::move(ssl)) {
    inner_->set_ready_callback([this](bool readable, bool writable) { on_inner_ready(readable, writable); });
  }
  ~TlsStream() override {
    // close_notify, if it fits: without it the peer could not tell an end from a cut.
    if (error_.message.empty()) SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }

  // SSL_read gives one record, at most. Peers that write small ones (Go begins with 1.4 KB) have many in what is
  // buffered, and all that fit come in one call.
  IoResult read(std::span<char> buffer) override {
    if (ended_) return *ended_;
    size_t total = 0;
    IoResult result;
    do {
      result = read_record(buffer.subspan(total));
      if (result.status == IoStatus::kOk) total += result.n;
    } while (result.status == IoStatus::kOk && total < buffer.size() && SSL_has_pending(ssl_.get()));
    may_hold_more_ = result.status == IoStatus::kOk;
    bool ended = result.status == IoStatus::kEnd || result.status == IoStatus::kError;
    if (ended && total > 0) ended_ = result;  // for the next call
    post_if_buffered();
    return total > 0 ? IoResult{IoStatus::kOk, total} : result;
  }

  IoResult write(std::string_view bytes) override {
    ERR_clear_error();
    size_t n = 0;
    int done = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n);
    if (done == 1) return {IoStatus::kOk, n};
    IoResult result = failed(done);
    // An end of file while writing is a lost connection.
    if (result.status == IoStatus::kEnd) {
      error_ = Error{ErrorKind::kDisconnected, "connection lost: closed by the peer"};
      result.status = IoStatus::kError;
    }
    return result;
  }

  void shut_down_write() override {
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    inner_->shut_down_write();
  }
  void set_ready_callback(ReadyCallback callback) override { callback_ = std::move(callback); }
  void want(bool read, bool write) override {
    want_read_ = read;
    want_write_ = write;
    inner_->want(read, write);
    post_if_buffered();
  }
  const Error& error() const override { return error_; }

 private:
  void on_inner_ready(bool readable, bool writable) {
    if (!callback_) return;
    auto callback = callback_;  // kept: it may destroy this stream
    callback(readable && want_read_, writable && want_write_);
  }

  // Decrypted or buffered bytes do not make the inner stream readable, so tell the user ourselves.
  bool buffered() const { return want_read_ && (ended_ || (may_hold_more_ && SSL_has_pending(ssl_.get()))); }
  void post_if_buffered() {
    if (posted_ || !buffered()) return;
    posted_ = loop_.post([this] {
      auto posted = std::move(posted_);
      if (!buffered() || !callback_) return;
      post_if_buffered();  // level-triggered: it may neither read nor stop wanting
      auto callback = callback_;
      callback(true, false);
    });
  }

  IoResult read_record(std::span<char> buffer) {
    ERR_clear_error();
    size_t n = 0;
    int done = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &n);
    return done == 1 ? IoResult{IoStatus::kOk, n} : failed(done);
  }

  IoResult failed(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE: return {IoStatus::kWouldBlock, 0};
      case SSL_ERROR_ZERO_RETURN: return {IoStatus::kEnd, 0};
      default: break;
    }
    bool inner_failed = !inner_->error().message.empty();
    error_ = inner_failed ? inner_->error() : Error{ErrorKind::kDisconnected, "TLS: " + take_openssl_errors()};
    return {IoStatus::kError, 0};
  }

  event::Loop& loop_;
  std::unique_ptr<ByteStream> inner_;
  SslPtr ssl_;
  ReadyCallback callback_;
  bool want_read_ = false, want_write_ = false;
  // Bytes may be there without the inner stream being readable: the last read did not end in kWouldBlock, or the
  // handshake has read past its own end.
  bool may_hold_more_ = true;
  std::optional<IoResult> ended_;  // a read has come to the end, or failed, behind bytes that it returned
  std::unique_ptr<event::Posted> posted_;
  Error error_;
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

event::Task<Result<TlsConnection>> shake_hands(event::Loop& loop, std::unique_ptr<ByteStream> inner, SslPtr ssl) {
  event::Signal ready(loop);
  ByteStream& stream = *inner;
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
    co_await ready.wait();
  }
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl.get(), &alpn, &alpn_size);
  TlsConnection connection;
  if (alpn_size > 0) connection.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  connection.stream = std::make_unique<TlsStream>(loop, std::move(inner), std::move(ssl));
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
  SslPtr ssl = make_ssl(static_cast<const ClientContext&>(context).get(), *inner);
  if (is_ip_address(server_name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), server_name.c_str());
  } else {
    SSL_set1_host(ssl.get(), server_name.c_str());
    SSL_set_tlsext_host_name(ssl.get(), server_name.c_str());
  }
  SSL_set_connect_state(ssl.get());
  co_return co_await shake_hands(loop, std::move(inner), std::move(ssl));
}

event::Task<Result<TlsConnection>> tls_accept(event::Loop& loop, std::unique_ptr<ByteStream> inner,
                                              const TlsServerContext& context) {
  SslPtr ssl = make_ssl(static_cast<const ServerContext&>(context).get(), *inner);
  SSL_set_accept_state(ssl.get());
  co_return co_await shake_hands(loop, std::move(inner), std::move(ssl));
}

}  // namespace ringside::net
