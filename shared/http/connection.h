// A connection of a server, whatever its HTTP version.
#pragma once

#include <functional>
#include <string_view>

namespace ringside::http {

class Connection {
 public:
  virtual ~Connection() = default;
  // Lets what is under way end, takes nothing new, closes then.
  virtual void drain() = 0;
  // If it has ended because the peer's process gave no sign of life when it was asked for one: what it fails to do, as
  // "does not answer". Else empty.
  virtual std::string_view hangs() const { return {}; }
  // Another connection shows that the client's process hangs: the same holds for this one if it cannot ask.
  virtual void on_client_hangs() {}
};

// Called once, in phase 3, when the connection has ended; the owner destroys it then.
using ConnectionClosed = std::function<void()>;

}  // namespace ringside::http
