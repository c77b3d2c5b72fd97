#include "net/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

namespace ringside::net {
namespace {

// --- A BIO over a ByteStream.

constexpr size_t kRecord = 16 << 10;     // plain bytes, at most
constexpr size_t kRecordOverhead = 256;  // more than any cipher adds
constexpr size_t kRecordsPerWrite = 5;   // four of HTTP/2's largest frames with their heads
constexpr size_t kRoomForAlerts = 4 << 10;
// Three records, and below what malloc takes from the kernel and gives back each time. A handshake has OpenSSL's own
// buffer of one record.
constexpr size_t kReadAhead = 52 << 10;
constexpr size_t kScratch = kRecordsPerWrite * (kRecord + kRecordOverhead) + kRoomForAlerts;

// Libraries end a connection on which nothing but such records comes: Go after 16, BoringSSL after 32.
constexpr int kMaxNudges = 14;
constexpr int kNudgesWithoutDoubt = 8;

// Records on their way out, so that several go in one system call. One for all streams: what is in it has been sent, or
// is kept by its stream, when the stream's method returns.
struct Scratch {
  std::array<char, kScratch> bytes;
  size_t used = 0;
};
Scratch& scratch() {
  static Scratch instance;
  return instance;
}

TlsWire& wire_of(BIO* bio) {
  return *static_cast<TlsWire*>(BIO_get_data(bio));
}

int bio_read(BIO* bio, char* buffer, int size) {
  BIO_clear_retry_flags(bio);
  TlsWire& wire = wire_of(bio);
  IoResult result;
  if (!wire.drained) result = wire.stream->read({buffer, size_t(size)});
  if (result.status == IoStatus::kOk) {
    wire.drained = wire.gathers && result.n < size_t(size);
    return int(result.n);
  }
  if (result.status == IoStatus::kWouldBlock) BIO_set_retry_read(bio);
  if (result.status != IoStatus::kEnd) return -1;
  BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return 0;
}

int bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  TlsWire& wire = wire_of(bio);
  if (wire.gathers) {
    Scratch& out = scratch();
    size_t n = std::min(size_t(size), out.bytes.size() - out.used);
    std::memcpy(out.bytes.data() + out.used, bytes, n);
    out.used += n;
    if (n > 0) return int(n);
    BIO_set_retry_write(bio);
    return -1;
  }
  IoResult result = wire.stream->write({bytes, size_t(size)});
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

// --- The encrypted stream.

class TlsStream : public ByteStream {
 public:
  TlsStream(event::Loop& loop, std::unique_ptr<TlsWire> wire, SslPtr ssl)
      : loop_(loop), wire_(std::move(wire)), inner_(*wire_->stream), ssl_(std::move(ssl)) {
    wire_->gathers = true;
    SSL_set_default_read_buffer_len(ssl_.get(), kReadAhead);
    inner_.set_ready_callback([this](bool readable, bool writable) { on_inner_ready(readable, writable); });
  }
  ~TlsStream() override {
    // close_notify, if it fits: without it the peer could not tell an end from a cut.
    if (error_.message.empty()) SSL_shutdown(ssl_.get());
    send_gathered();
    ERR_clear_error();
  }

  // SSL_read gives one record, at most. Peers that write small ones (Go begins with 1.4 KB) have many in what is
  // buffered, and all that fit come in one call.
  IoResult read(std::span<char> buffer) override {
    if (ended_) return *ended_;
    wire_->drained = false;
    size_t total = 0;
    IoResult result;
    do {
      result = read_record(buffer.subspan(total));
      if (result.status == IoStatus::kOk) total += result.n;
    } while (result.status == IoStatus::kOk && total < buffer.size() && SSL_has_pending(ssl_.get()));
    may_hold_more_ = result.status == IoStatus::kOk;
    bool ended = result.status == IoStatus::kEnd || result.status == IoStatus::kError;
    if (ended && total > 0) ended_ = result;  // for the next call
    send_gathered();                          // an alert
    post_if_buffered();
    return total > 0 ? IoResult{IoStatus::kOk, total} : result;
  }

  // Several records in one system call. Bytes count as written when the stream below has taken all records of theirs:
  // until then the caller is told to wait, and comes back with the same bytes.
  IoResult write(std::string_view bytes) override {
    if (IoResult waiting = send_unsent(); waiting.status != IoStatus::kOk) return waiting;
    if (encrypted_ == 0) {
      if (IoResult result = encrypt(bytes); result.status != IoStatus::kOk) return result;
      if (IoResult result = send_gathered(); result.status != IoStatus::kOk) return result;
    }
    return {IoStatus::kOk, std::exchange(encrypted_, 0)};
  }

  void shut_down_write() override {
    SSL_shutdown(ssl_.get());
    send_gathered();
    ERR_clear_error();
    inner_.shut_down_write();
  }
  void set_ready_callback(ReadyCallback callback) override { callback_ = std::move(callback); }
  void want(bool read, bool write) override {
    want_read_ = read;
    want_write_ = write;
    inner_.want(read, write);
    post_if_buffered();
  }
  std::optional<PeerReading> peer_reading() const override { return inner_.peer_reading(); }

  // A KeyUpdate (RFC 8446, section 4.6.3) that asks for none in return: the peer goes on with the next key, silently.
  bool nudge(bool in_doubt) override {
    if (SSL_version(ssl_.get()) != TLS1_3_VERSION || encrypted_ > 0 || !unsent_.empty()) return false;
    if (nudges_ >= (in_doubt ? kMaxNudges : kNudgesWithoutDoubt)) return false;
    ++nudges_;
    ERR_clear_error();
    bool written = SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(ssl_.get()) == 1;
    ERR_clear_error();
    return send_gathered().status == IoStatus::kOk && written;
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

  // Into the scratch buffer; encrypted_ says how much of it.
  IoResult encrypt(std::string_view bytes) {
    bytes = bytes.substr(0, kRecordsPerWrite * kRecord);
    while (!bytes.empty()) {
      ERR_clear_error();
      size_t n = 0;
      int done = SSL_write_ex(ssl_.get(), bytes.data(), std::min(bytes.size(), kRecord), &n);
      if (done != 1) {
        if (encrypted_ > 0) break;
        IoResult result = failed(done);
        send_gathered();  // an alert
        // An end of file while writing is a lost connection.
        if (result.status == IoStatus::kEnd) {
          error_ = Error{ErrorKind::kDisconnected, "connection lost: closed by the peer"};
          result.status = IoStatus::kError;
        }
        return result;
      }
      encrypted_ += n;
      nudges_ = 0;
      bytes.remove_prefix(n);
    }
    return {IoStatus::kOk, encrypted_};
  }

  // What is in the scratch buffer; what the stream below does not take now is kept.
  IoResult send_gathered() {
    Scratch& out = scratch();
    std::string_view bytes(out.bytes.data(), std::exchange(out.used, 0));
    if (bytes.empty()) return {IoStatus::kOk, 0};
    IoResult result{IoStatus::kOk, 0};
    while (unsent_.empty() && !bytes.empty()) {
      result = inner_.write(bytes);
      if (result.status != IoStatus::kOk) break;
      bytes.remove_prefix(result.n);
    }
    if (result.status == IoStatus::kError) return lost();
    unsent_.append(bytes);
    return {bytes.empty() ? IoStatus::kOk : IoStatus::kWouldBlock, 0};
  }

  IoResult send_unsent() {
    while (!unsent_.empty()) {
      IoResult result = inner_.write(unsent_);
      if (result.status == IoStatus::kError) return lost();
      if (result.status != IoStatus::kOk) return result;
      unsent_.erase(0, result.n);
    }
    if (unsent_.capacity() > 0) unsent_ = {};
    return {IoStatus::kOk, 0};
  }

  IoResult lost() {
    error_ = inner_.error();
    return {IoStatus::kError, 0};
  }

  IoResult failed(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE: return {IoStatus::kWouldBlock, 0};
      case SSL_ERROR_ZERO_RETURN: return {IoStatus::kEnd, 0};
      default: break;
    }
    bool inner_failed = !inner_.error().message.empty();
    error_ = inner_failed ? inner_.error() : Error{ErrorKind::kDisconnected, "TLS: " + take_openssl_errors()};
    return {IoStatus::kError, 0};
  }

  event::Loop& loop_;
  std::unique_ptr<TlsWire> wire_;
  ByteStream& inner_;
  SslPtr ssl_;
  ReadyCallback callback_;
  std::string unsent_;    // records that the stream below has not taken
  size_t encrypted_ = 0;  // plain bytes in them, that the caller will come back with
  int nudges_ = 0;        // in a row
  bool want_read_ = false, want_write_ = false;
  // Bytes may be there without the inner stream being readable: the last read did not end in kWouldBlock, or the
  // handshake has read past its own end.
  bool may_hold_more_ = true;
  std::optional<IoResult> ended_;  // a read has come to the end, or failed, behind bytes that it returned
  std::unique_ptr<event::Posted> posted_;
  Error error_;
};

}  // namespace

void SslFree::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

SslPtr make_ssl(ssl_ctx_st* context, TlsWire& wire) {
  SslPtr ssl(SSL_new(context));
  BIO* bio = BIO_new(stream_method());
  BIO_set_data(bio, &wire);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  return ssl;
}

std::unique_ptr<ByteStream> make_tls_stream(event::Loop& loop, std::unique_ptr<TlsWire> wire, SslPtr ssl) {
  return std::make_unique<TlsStream>(loop, std::move(wire), std::move(ssl));
}

std::string take_openssl_errors() {
  std::string text;
  while (unsigned long code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    if (!text.empty()) text += "; ";
    text += reason ? reason : "error " + std::to_string(code);
  }
  return text.empty() ? "unknown TLS error" : text;
}

}  // namespace ringside::net
