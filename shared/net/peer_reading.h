// What the process at the other end of a TCP connection has read.
#pragma once

#include <optional>

#include "net/byte_stream.h"

namespace ringside::net {

// Asks the kernel about the peer's socket (sock_diag(7)), which it tells without privileges: where both ends are in one
// network namespace, as in a pod, also if the connection was redirected. nullopt where they are not, or the kernel does
// not tell.
std::optional<PeerReading> peer_reading(int fd);

}  // namespace ringside::net
