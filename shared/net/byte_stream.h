// A connected, ordered, two-way stream of bytes: TCP, TLS over another stream, an in-memory pipe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"

namespace ringside::net {

// What a read or write came to.
enum class IoStatus {
  kOk,          // n > 0 bytes
  kWouldBlock,  // nothing now; on_ready will say when to try again, if want() asks for it
  kEnd,         // read only: the peer has sent everything (FIN, close_notify)
  kError,       // the stream is broken; see error()
};

struct IoResult {
  IoStatus status = IoStatus::kWouldBlock;
  size_t n = 0;
};

// How far the peer's process has come with the bytes of the lowest stream.
struct PeerReading {
  uint64_t read = 0;    // since the connection stands
  uint64_t unread = 0;  // have arrived, and wait for the process
};

// Non-blocking, pull: the user reads and writes when it is told that it can, and is told only of what it wants.
// Destroying the stream closes it; unsent bytes of the layers below are lost.
class ByteStream {
 public:
  using ReadyCallback = std::function<void(bool readable, bool writable)>;

  virtual ~ByteStream() = default;

  // Less than the buffer holds: there was no more at that moment, so that asking again would only cost a system call.
  virtual IoResult read(std::span<char> buffer) = 0;
  // After kWouldBlock, the next write begins with the same bytes (TLS has encrypted some of them already).
  virtual IoResult write(std::string_view bytes) = 0;
  // No more writes will follow: the peer reads the end after what was written (FIN, close_notify). Best effort.
  virtual void shut_down_write() = 0;

  // The callback runs from the loop (phase 1 or 3, never from within read, write or want) while what it wants holds; it
  // may destroy the stream. Level-triggered: it is called again until the user reads or stops wanting.
  virtual void set_ready_callback(ReadyCallback callback) = 0;
  virtual void want(bool read, bool write) = 0;

  // nullopt: cannot be known, as of most peers that are elsewhere.
  virtual std::optional<PeerReading> peer_reading() const { return std::nullopt; }
  // Sends bytes that the peer's process must read and that mean nothing to who uses the stream there. False: none were
  // sent, since the protocol has none, others are on their way, or there have been many since the last write: libraries
  // take more of them for an attack. Some are kept back for when there is doubt.
  virtual bool nudge([[maybe_unused]] bool in_doubt) { return false; }

  // After kError.
  virtual const Error& error() const = 0;
};

}  // namespace ringside::net
