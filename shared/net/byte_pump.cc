#include "net/byte_pump.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ringside::net {

BytePump::BytePump(event::Loop& loop, std::unique_ptr<ByteStream> stream, BytePumpUser& user, Options options,
                   Leftovers leftovers)
    : user_(user),
      options_(options),
      stream_(std::move(stream)),
      received_(std::move(leftovers.received)),
      out_(std::move(leftovers.unsent)),
      unreported_(out_.size()) {
  flush_ = loop.turn_end([this] { flush(); });
  half_closed_ = loop.timer([this] { finish(Error{ErrorKind::kTimedOut, "half-closed for too long"}); });
  stream_->set_ready_callback([this](bool readable, bool writable) { on_ready(readable, writable); });
  flush_->schedule();
  update_interest();
}

void BytePump::send(std::string_view bytes) {
  if (done_ || ends_) return;
  if (write_error_) {
    dropped_ += bytes.size();
  } else {
    out_.append(bytes);
  }
  flush_->schedule();
}

void BytePump::end() {
  if (done_ || std::exchange(ends_, true)) return;
  flush_->schedule();
}

void BytePump::credit(size_t bytes) {
  uncredited_ -= std::min(bytes, uncredited_);
  update_interest();
}

void BytePump::on_ready(bool readable, bool writable) {
  if (done_) return;
  if (writable) {
    blocked_ = false;
    flush_->schedule();
  }
  if (readable) return read();
  update_interest();
}

// One piece a call: the loop calls again while there is more, and others have their turn.
void BytePump::read() {
  static std::array<char, 64 << 10> buffer;
  size_t room = options_.window - std::min(options_.window, uncredited_);
  if (peer_ended_ || room == 0) return update_interest();
  IoResult result = stream_->read(std::span(buffer).first(std::min(room, buffer.size())));
  if (result.status == IoStatus::kError) return finish(stream_->error());
  if (result.status == IoStatus::kWouldBlock && write_error_) return finish(std::move(write_error_));
  if (result.status == IoStatus::kOk && !deliver({buffer.data(), result.n})) return;
  if (result.status == IoStatus::kEnd) {
    peer_ended_ = true;
    touch();
    if (!life_.survives([this] { user_.on_peer_end(); })) return;
    flush_->schedule();
  }
  update_interest();
}

bool BytePump::deliver(std::string_view bytes) {
  uncredited_ += bytes.size();
  touch();
  return life_.survives([this, bytes] { user_.on_bytes(bytes); });
}

void BytePump::flush() {
  if (done_) return;
  if (!received_.empty() && !deliver(std::exchange(received_, {}))) return;
  if (!write_out()) return;
  if (ends_ && out_.empty() && !std::exchange(write_shut_, true)) {
    stream_->shut_down_write();
    touch();
  }
  if (write_shut_ && peer_ended_) return finish(std::exchange(write_error_, std::nullopt));
  update_interest();
}

// False if the pump is done or destroyed.
bool BytePump::write_out() {
  size_t written = 0;
  bool failed = false;
  size_t dropped = std::exchange(dropped_, 0);
  if (dropped > 0 && !life_.survives([&] { user_.on_bytes_sent(dropped); })) return false;
  while (!blocked_ && !failed && written < out_.size()) {
    IoResult result = stream_->write(std::string_view(out_).substr(written));
    written += result.n;
    blocked_ = result.status == IoStatus::kWouldBlock;
    failed = result.status == IoStatus::kError;
  }
  out_.erase(0, written);
  if (out_.empty() && out_.capacity() > (256 << 10)) out_.shrink_to_fit();
  size_t silent = std::min(unreported_, written);
  unreported_ -= silent;
  if (written > 0) touch();
  if (failed) {
    stop_writing();
    return false;
  }
  return written == silent || life_.survives([&] { user_.on_bytes_sent(written - silent); });
}

// A peer that closes while we still send (an API server when a command has ended) may have sent its last words before:
// they are read to their end. If there is none, the connection is broken.
void BytePump::stop_writing() {
  if (peer_ended_ || !options_.reads_last_words) return finish(stream_->error());
  write_error_ = stream_->error();
  dropped_ += out_.size() - unreported_;
  out_.clear();
  unreported_ = 0;
  write_shut_ = true;
  touch();
  flush_->schedule();
  read();
}

void BytePump::touch() {
  if (peer_ended_ != write_shut_) half_closed_->arm(options_.half_closed_timeout);
}

void BytePump::update_interest() {
  if (done_) return;
  bool reads = !peer_ended_ && received_.empty() && uncredited_ < options_.window;
  stream_->want(reads, blocked_);
}

void BytePump::finish(std::optional<Error> error) {
  if (std::exchange(done_, true)) return;
  stream_->want(false, false);
  half_closed_->disarm();
  user_.on_done(std::move(error));  // may destroy this
}

}  // namespace ringside::net
