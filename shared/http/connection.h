// A connection of a server, whatever its HTTP version.
#pragma once

#include <functional>

namespace ringside::http {

class Connection {
 public:
  virtual ~Connection() = default;
  // Lets what is under way end, takes nothing new, closes then.
  virtual void drain() = 0;
};

// Called once, in phase 3, when the connection has ended; the owner destroys it then.
using ConnectionClosed = std::function<void()>;

}  // namespace ringside::http
