// Reads and writes a byte stream for a user that takes bytes as they come and sends when it likes, with credit in both
// directions (as http/stream.h has it): for protocols that are passed on and not understood.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/life_flag.h"
#include "event/loop.h"
#include "net/byte_stream.h"

namespace ringside::net {

// Calls come from the loop, never from within a method. Each may call any method of the pump and may destroy it.
class BytePumpUser {
 public:
  virtual ~BytePumpUser() = default;
  // They count against the window until credit() gives them back. The view ends with the call.
  virtual void on_bytes(std::string_view bytes) = 0;
  // The peer has sent everything; we may go on sending.
  virtual void on_peer_end() = 0;
  // So many bytes of what was given to send() have been taken by the stream.
  virtual void on_bytes_sent(size_t bytes) = 0;
  // The last call. nullopt: both sides have ended and everything is written; else what broke.
  virtual void on_done(std::optional<Error> error) = 0;
};

class BytePump {
 public:
  struct Options {
    size_t window = 128 << 10;
    // Once one side has ended and nothing moves any more: a peer that went without a word.
    Duration half_closed_timeout = std::chrono::minutes(5);
    // Of a peer that does not listen any more: on_done comes when everything is read that it had sent before. What is
    // sent meanwhile is dropped and counts as sent.
    bool reads_last_words = false;
  };
  // What whoever had the stream before has read and not used, and has not written yet. No on_bytes_sent for the latter.
  struct Leftovers {
    std::string received;
    std::string unsent;
  };

  // The user must outlive the pump. Destroying the pump closes the stream; what is not written is lost.
  BytePump(event::Loop& loop, std::unique_ptr<ByteStream> stream, BytePumpUser& user, Options options,
           Leftovers leftovers);

  // Queues a copy, written at the end of the turn. Who sends must watch unsent(), or go by on_bytes_sent().
  void send(std::string_view bytes);
  // Nothing more will be sent: the peer reads the end after what is queued.
  void end();
  size_t unsent() const { return out_.size() - unreported_; }
  void credit(size_t bytes);

 private:
  void on_ready(bool readable, bool writable);
  void read();
  [[nodiscard]] bool deliver(std::string_view bytes);
  void flush();
  [[nodiscard]] bool write_out();
  void stop_writing();
  void touch();
  void update_interest();
  void finish(std::optional<Error> error);

  LifeFlag life_;
  BytePumpUser& user_;
  Options options_;
  std::unique_ptr<ByteStream> stream_;
  std::unique_ptr<event::TurnEnd> flush_;
  std::unique_ptr<event::Timer> half_closed_;
  std::string received_;  // left over, not yet delivered
  std::string out_;
  size_t unreported_;   // of the beginning of out_: left over
  size_t dropped_ = 0;  // to be reported as sent
  size_t uncredited_ = 0;
  bool ends_ = false;                 // end() was called
  bool write_shut_ = false;           // and carried out
  std::optional<Error> write_error_;  // the peer does not listen any more
  bool peer_ended_ = false;
  bool blocked_ = false;
  bool done_ = false;
};

}  // namespace ringside::net
