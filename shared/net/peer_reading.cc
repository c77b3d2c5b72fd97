#include "net/peer_reading.h"

// The C library's before the kernel's, which leaves out then what both have. tcp_info is the kernel's, with all
// members.
#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/inet_diag.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "net/socket.h"

namespace ringside::net {
namespace {

constexpr uint8_t kListening = 10;            // TCP_LISTEN
constexpr int kOriginalDestinationIpv6 = 80;  // IP6T_SO_ORIGINAL_DST, whose header does not compile as C++

using Address = sockaddr_in6;  // of both families, IPv4 as ::ffff:a.b.c.d

std::optional<Address> as_ipv6(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    Address v6;
    std::memcpy(&v6, &address, sizeof v6);
    return v6;
  }
  if (address.ss_family != AF_INET) return std::nullopt;
  sockaddr_in v4;
  std::memcpy(&v4, &address, sizeof v4);
  Address mapped = {};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = v4.sin_port;
  mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
  std::memcpy(&mapped.sin6_addr.s6_addr[12], &v4.sin_addr, sizeof v4.sin_addr);
  return mapped;
}

// Where the client meant to connect to, if the connection was redirected.
std::optional<Address> original_destination(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof address;
  bool found = ::getsockopt(fd, IPPROTO_IP, SO_ORIGINAL_DST, &address, &size) == 0;
  if (!found) found = ::getsockopt(fd, IPPROTO_IPV6, kOriginalDestinationIpv6, &address, &size) == 0;
  return found ? as_ipv6(address) : std::nullopt;
}

void put(__be32 (&words)[4], const Address& address) {
  bool v4 = IN6_IS_ADDR_V4MAPPED(&address.sin6_addr);
  std::memset(words, 0, sizeof words);
  std::memcpy(words, &address.sin6_addr.s6_addr[v4 ? 12 : 0], v4 ? 4 : 16);
}

struct Request {
  nlmsghdr head = {};
  inet_diag_req_v2 body = {};
};

Request request_for(const Address& local, const Address& remote) {
  Request request;
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.head.nlmsg_flags = NLM_F_REQUEST;
  inet_diag_req_v2& body = request.body;
  body.sdiag_family = IN6_IS_ADDR_V4MAPPED(&local.sin6_addr) ? AF_INET : AF_INET6;
  body.sdiag_protocol = IPPROTO_TCP;
  body.idiag_ext = 1 << (INET_DIAG_INFO - 1);
  body.idiag_states = ~0u;
  body.id.idiag_sport = local.sin6_port;
  body.id.idiag_dport = remote.sin6_port;
  put(body.id.idiag_src, local);
  put(body.id.idiag_dst, remote);
  body.id.idiag_cookie[0] = body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return request;
}

// The kernel's answer: a header, an inet_diag_msg, attributes.
std::optional<PeerReading> parse(const char* bytes, size_t size) {
  nlmsghdr head;
  inet_diag_msg body;
  if (size < NLMSG_LENGTH(sizeof body)) return std::nullopt;
  std::memcpy(&head, bytes, sizeof head);
  std::memcpy(&body, bytes + NLMSG_HDRLEN, sizeof body);
  if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || body.idiag_state == kListening) return std::nullopt;
  size = std::min(size, size_t(head.nlmsg_len));
  for (size_t at = NLMSG_LENGTH(sizeof body); at + sizeof(rtattr) <= size;) {
    rtattr attribute;
    std::memcpy(&attribute, bytes + at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || at + attribute.rta_len > size) break;
    if (attribute.rta_type == INET_DIAG_INFO) {
      tcp_info info = {};  // of an older kernel: shorter
      size_t known = std::min(sizeof info, size_t(attribute.rta_len) - RTA_LENGTH(0));
      if (known < offsetof(tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) break;
      std::memcpy(&info, bytes + at + RTA_LENGTH(0), known);
      uint64_t unread = std::min<uint64_t>(body.idiag_rqueue, info.tcpi_bytes_received);
      return PeerReading{info.tcpi_bytes_received - unread, unread};
    }
    at += RTA_ALIGN(attribute.rta_len);
  }
  return std::nullopt;
}

// About the socket with these two ends.
std::optional<PeerReading> ask(const Address& local, const Address& remote) {
  Socket kernel(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
  if (!kernel.valid()) return std::nullopt;
  // The answer is there when the call returns.
  Request request = request_for(local, remote);
  if (::send(kernel.fd(), &request, sizeof request, 0) != ssize_t(sizeof request)) return std::nullopt;
  std::array<char, 4096> answer;
  ssize_t size = ::recv(kernel.fd(), answer.data(), answer.size(), 0);
  return size > 0 ? parse(answer.data(), size_t(size)) : std::nullopt;
}

template <typename Function>
std::optional<Address> address_by(Function function, int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof address;
  if (function(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
  return as_ipv6(address);
}

}  // namespace

std::optional<PeerReading> peer_reading(int fd) {
  auto own = address_by(::getsockname, fd), peer = address_by(::getpeername, fd);
  if (!own || !peer) return std::nullopt;
  if (auto reading = ask(*peer, *own)) return reading;
  auto original = original_destination(fd);
  return original ? ask(*peer, *original) : std::nullopt;
}

}  // namespace ringside::net
