#include "net/resolver.h"

#include <netdb.h>
#include <csignal>

#include <array>
#include <atomic>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "event/async.h"
#include "net/socket.h"

namespace ringside::net {
namespace {

constexpr size_t kMaxAddresses = 16;
constexpr int kMaxLookups = 16;

// What the thread tells the loop, in one message of a socket pair; so the two share no memory.
struct Answer {
  int code = EAI_SYSTEM;  // of getaddrinfo
  size_t count = 0;
  std::array<Address, kMaxAddresses> addresses;
};

Answer ask_system(const std::string& host, uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  Answer answer;
  answer.code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (answer.code != 0) return answer;
  for (addrinfo* entry = list; entry && answer.count < kMaxAddresses; entry = entry->ai_next) {
    Address& address = answer.addresses[answer.count++];
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.size = entry->ai_addrlen;
  }
  ::freeaddrinfo(list);
  return answer;
}

Error cannot_resolve(const std::string& host, const std::string& reason) {
  return {ErrorKind::kRefused, "cannot resolve '" + host + "': " + reason};
}

std::atomic<int> lookups_under_way = 0;

void look_up(const std::string& host, uint16_t port, const Socket& to_loop) {
  Answer answer = ask_system(host, port, 0);
  // Fails if nobody waits for it any more.
  ::send(to_loop.fd(), &answer, sizeof answer, MSG_NOSIGNAL | MSG_DONTWAIT);
  --lookups_under_way;
}

// The socket on which the answer will come.
Result<Socket> start_look_up(const std::string& host, uint16_t port) {
  if (++lookups_under_way > kMaxLookups) {
    --lookups_under_way;
    return failure(cannot_resolve(host, "too many look-ups are under way already"));
  }
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    --lookups_under_way;
    return failure(cannot_resolve(host, std::strerror(errno)));
  }
  Socket from_thread(ends[0]), to_loop(ends[1]);
  // Signals are for the loop's thread; a new thread inherits the mask.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<Socket> started = std::move(from_thread);
  try {
    std::thread([host, port, to_loop = std::move(to_loop)] { look_up(host, port, to_loop); }).detach();
  } catch (const std::system_error& error) {
    --lookups_under_way;
    started = failure(cannot_resolve(host, error.what()));
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

event::Task<void> readable(event::Loop& loop, int fd) {
  event::Completion<bool> done(loop);
  auto watch = loop.watch(fd, [&done](bool, bool) { done.complete(true); });
  watch->want(true, false);
  co_await done;
}

}  // namespace

Result<Address> parse_address(const std::string& text, uint16_t port) {
  Answer answer = ask_system(text, port, AI_NUMERICHOST);
  if (answer.code != 0) return failure(cannot_resolve(text, ::gai_strerror(answer.code)));
  return answer.addresses[0];
}

event::Task<Result<std::vector<Address>>> resolve(event::Loop& loop, std::string host, uint16_t port) {
  if (auto address = parse_address(host, port)) co_return std::vector<Address>{*address};
  auto socket = start_look_up(host, port);
  if (!socket) co_return failure(socket.error());
  co_await readable(loop, socket->fd());
  Answer answer;
  if (::recv(socket->fd(), &answer, sizeof answer, 0) != ssize_t(sizeof answer)) answer = {};
  if (answer.code != 0) co_return failure(cannot_resolve(host, ::gai_strerror(answer.code)));
  co_return std::vector<Address>(answer.addresses.begin(), answer.addresses.begin() + ptrdiff_t(answer.count));
}

}  // namespace ringside::net
