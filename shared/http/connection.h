// A connection of a server, whatever its HTTP version.
#pragma once

#include <functional>

namespace ringside::http {

class Connection {
 public:
  virtual ~Connection() = default;
  // Lets what is under way end, takes nothing new, closes then.
  virtual void drain() = 0;
  // Whether it has ended because the peer did not answer when it was asked for a sign of life. HTTP/1.1 cannot ask.
  virtual bool unanswered() const { return false; }
};

// Called once, in phase 3, when the connection has ended; the owner destroys it then.
using ConnectionClosed = std::function<void()>;

}  // namespace ringside::http
