#include "net/tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <list>
#include <optional>
#include <vector>

#include "event/async.h"
#include "net/peer_reading.h"
#include "net/resolver.h"
#include "net/socket.h"

namespace ringside::net {
namespace {

std::string place(const std::string& host, uint16_t port) {
  bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

void set_no_delay(int fd) {
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// A peer that vanished is noticed after 45 s, as by HTTP/2's own probes: by connections too whose protocol has none.
void keep_alive(int fd) {
  int on = 1, idle_seconds = 30, interval_seconds = 5, probes = 3;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

class TcpStream : public ByteStream {
 public:
  TcpStream(event::Loop& loop, Socket socket) : socket_(std::move(socket)) {
    set_no_delay(socket_.fd());
    keep_alive(socket_.fd());
    watch_ = loop.watch(socket_.fd(), [this](bool readable, bool writable) {
      if (!callback_) return;
      auto callback = callback_;  // kept: it may destroy this stream
      callback(readable, writable);
    });
  }

  IoResult read(std::span<char> buffer) override {
    for (;;) {
      ssize_t n = ::recv(socket_.fd(), buffer.data(), buffer.size(), 0);
      if (n > 0) return {IoStatus::kOk, size_t(n)};
      if (n == 0) return {IoStatus::kEnd, 0};
      if (errno != EINTR) return from_errno();
    }
  }

  IoResult write(std::string_view bytes) override {
    for (;;) {
      ssize_t n = ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n >= 0) return {IoStatus::kOk, size_t(n)};
      if (errno != EINTR) return from_errno();
    }
  }

  void shut_down_write() override { ::shutdown(socket_.fd(), SHUT_WR); }
  void set_ready_callback(ReadyCallback callback) override { callback_ = std::move(callback); }
  void want(bool read, bool write) override { watch_->want(read, write); }
  std::optional<PeerReading> peer_reading() const override { return net::peer_reading(socket_.fd()); }
  const Error& error() const override { return error_; }

 private:
  IoResult from_errno() {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::kWouldBlock, 0};
    error_ = Error{ErrorKind::kDisconnected, std::string("connection lost: ") + std::strerror(errno)};
    return {IoStatus::kError, 0};
  }

  Socket socket_;
  ReadyCallback callback_;
  Error error_;
  std::unique_ptr<event::FdWatch> watch_;  // after socket_: destroyed before the descriptor is closed
};

class Listener : public TcpListener {
 public:
  Listener(event::Loop& loop, Socket socket, uint16_t port, AcceptCallback on_accept)
      : loop_(loop), socket_(std::move(socket)), port_(port), on_accept_(std::move(on_accept)) {
    watch_ = loop.watch(socket_.fd(), [this](bool, bool) { accept_some(); });
    watch_->want(true, false);
    pause_ = loop.timer([this] { watch_->want(true, false); });
  }
  uint16_t port() const override { return port_; }

 private:
  static constexpr int kMaxAcceptsPerTurn = 16;
  static constexpr Duration kPause = std::chrono::milliseconds(100);

  void accept_some() {
    for (int i = 0; i < kMaxAcceptsPerTurn; ++i) {
      Socket accepted(::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!accepted.valid()) {
        bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (exhausted) pause();
        return;
      }
      on_accept_(std::make_unique<TcpStream>(loop_, std::move(accepted)));
    }
  }

  // Connections wait in the backlog: asking at once would fail again, for as long as descriptors or memory are missing.
  void pause() {
    watch_->want(false, false);
    pause_->arm(kPause);
  }

  event::Loop& loop_;
  Socket socket_;
  uint16_t port_;
  AcceptCallback on_accept_;
  std::unique_ptr<event::FdWatch> watch_;
  std::unique_ptr<event::Timer> pause_;
};

// Waits until the descriptor is writable.
event::Task<void> writable(event::Loop& loop, int fd) {
  event::Completion<bool> done(loop);
  auto watch = loop.watch(fd, [&done](bool, bool) { done.complete(true); });
  watch->want(false, true);
  co_await done;
}

event::Task<Result<std::unique_ptr<ByteStream>>> connect_to(event::Loop& loop, Address address, std::string where) {
  auto refused = [&](int code) {
    return failure(ErrorKind::kRefused, "cannot connect to " + where + ": " + std::strerror(code));
  };
  Socket socket(::socket(address.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) co_return refused(errno);
  if (::connect(socket.fd(), address.get(), address.size) != 0) {
    if (errno != EINPROGRESS) co_return refused(errno);
    co_await writable(loop, socket.fd());
    int code = 0;
    socklen_t size = sizeof code;
    ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &code, &size);
    if (code != 0) co_return refused(code);
  }
  co_return std::make_unique<TcpStream>(loop, std::move(socket));
}

// An address that does not answer must not use up the time of the others (RFC 8305, section 5).
constexpr Duration kNextAttempt = std::chrono::milliseconds(250);

using Connected = Result<std::unique_ptr<ByteStream>>;

struct Attempt {
  std::optional<Connected> result;
  event::Job job;
};

event::Task<void> attempt(event::Loop& loop, Address address, std::string where, std::optional<Connected>& result,
                          event::Signal& changed) {
  result.emplace(co_await connect_to(loop, address, std::move(where)));
  changed.notify();
}

// The first that succeeds, or the last to fail.
event::Task<Connected> connect_to_any(event::Loop& loop, std::vector<Address> addresses, std::string where) {
  event::Signal changed(loop);
  std::list<Attempt> attempts;
  Connected last = failure(ErrorKind::kRefused, "no address for " + where);
  auto next = addresses.begin();
  while (next != addresses.end() || !attempts.empty()) {
    if (next != addresses.end()) {
      Attempt& begun = attempts.emplace_back();
      begun.job = event::Job(loop, attempt(loop, *next++, where, begun.result, changed));
    }
    if (next != addresses.end()) {
      co_await event::wait_for(loop, changed, kNextAttempt);
    } else {
      co_await changed.wait();
    }
    for (auto each = attempts.begin(); each != attempts.end();) {
      if (!each->result) {
        ++each;
        continue;
      }
      last = std::move(*each->result);
      if (last) co_return last;
      each = attempts.erase(each);
    }
  }
  co_return last;
}

}  // namespace

event::Task<Result<std::unique_ptr<ByteStream>>> tcp_connect(event::Loop& loop, std::string host, uint16_t port) {
  auto addresses = co_await resolve(loop, host, port);
  if (!addresses) co_return failure(addresses.error());
  co_return co_await connect_to_any(loop, std::move(*addresses), place(host, port));
}

Result<std::unique_ptr<TcpListener>> TcpListener::listen(event::Loop& loop, const std::string& address, uint16_t port,
                                                         AcceptCallback on_accept) {
  auto parsed = parse_address(address, port);
  if (!parsed) return failure(parsed.error());
  const Address& local = *parsed;
  auto refused = [&] {
    return failure(ErrorKind::kRefused, "cannot listen on " + place(address, port) + ": " + std::strerror(errno));
  };
  Socket socket(::socket(local.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // "Every address" on a node without IPv6.
  if (!socket.valid() && errno == EAFNOSUPPORT && address == "::") {
    return listen(loop, "0.0.0.0", port, std::move(on_accept));
  }
  if (!socket.valid()) return refused();
  int on = 1, off = 0;
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (local.get()->sa_family == AF_INET6) ::setsockopt(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(socket.fd(), local.get(), local.size) != 0 || ::listen(socket.fd(), 512) != 0) return refused();
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&bound), &size);
  uint16_t actual = bound.ss_family == AF_INET6 ? ntohs(reinterpret_cast<sockaddr_in6&>(bound).sin6_port)
                                                : ntohs(reinterpret_cast<sockaddr_in&>(bound).sin_port);
  return std::make_unique<Listener>(loop, std::move(socket), actual, std::move(on_accept));
}

}  // namespace ringside::net
