// Host names to addresses, without blocking the loop.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "event/loop.h"
#include "event/task.h"

namespace ringside::net {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// An IPv4 or IPv6 address, without brackets. kRefused for anything else.
Result<Address> parse_address(const std::string& text, uint16_t port);

// An address stands for itself. A name is looked up by the system (nsswitch.conf, /etc/hosts, DNS) each time, on a
// thread of its own, since the system's resolver blocks: a task that is cancelled leaves the thread to end by itself.
// At most 16 addresses, in the order in which they should be tried. kRefused if there are none, or if 16 look-ups are
// under way.
event::Task<Result<std::vector<Address>>> resolve(event::Loop& loop, std::string host, uint16_t port);

}  // namespace ringside::net
