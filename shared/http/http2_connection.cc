#include "http/http2_connection.h"

#include <array>
#include <utility>

namespace ringside::http {

Http2Connection::Http2Connection(event::Loop& loop, std::unique_ptr<net::ByteStream> stream, Options options,
                                 StreamAcceptor accept, std::function<void()> on_change, ConnectionClosed on_closed)
    : loop_(loop),
      options_(options),
      on_change_(std::move(on_change)),
      on_closed_(std::move(on_closed)),
      session_(options.session, {.accept = std::move(accept),
                                 .on_output = [this] { flush_soon(); },
                                 .on_change =
                                     [this] {
                                       flush_soon();
                                       if (on_change_) on_change_();
                                     }}),
      stream_(std::move(stream)),
      last_read_(loop.now()) {
  flush_ = loop.turn_end([this] { flush(); });
  flush_->schedule();  // our SETTINGS
  stream_->set_ready_callback([this](bool readable, bool writable) { on_ready(readable, writable); });
  stream_->want(true, false);
  if (options_.ping_interval > Duration::zero()) {
    silence_ = loop.timer([this] { on_silence(); });
    silence_->arm(options_.ping_interval);
    ping_timeout_ = std::make_unique<event::SteppedTimer>(loop, [this] { on_no_answer(); });
  }
}

Http2Connection::~Http2Connection() {
  // Streams that are still open hear that they are over.
  session_.fail({ErrorKind::kCancelled, "the connection was closed"});
}

void Http2Connection::drain() {
  session_.drain();
}

void Http2Connection::on_ready(bool readable, bool writable) {
  if (closed_) return;
  if (writable) {
    blocked_ = false;
    flush_->schedule();
  }
  if (readable) read();
  if (!closed_) stream_->want(true, blocked_);
}

void Http2Connection::read() {
  // One buffer for all connections: what is read is consumed before the next connection reads.
  static std::array<char, 64 << 10> buffer;
  for (size_t i = 0; i < kReadsPerTurn; ++i) {
    net::IoResult result = stream_->read(buffer);
    if (result.status == net::IoStatus::kWouldBlock) return;
    if (result.status != net::IoStatus::kOk) {
      bool end = result.status == net::IoStatus::kEnd;
      return close(end ? Error{ErrorKind::kDisconnected, "connection lost: closed by the peer"} : stream_->error());
    }
    on_bytes_read();
    if (auto received = session_.receive({buffer.data(), result.n}); !received) {
      flush();  // the GOAWAY that says why
      return close(received.error());
    }
    if (result.n < buffer.size()) return;
  }
}

// What comes while flush() runs is taken by it: another turn for it would cost a look at all descriptors.
void Http2Connection::flush_soon() {
  if (flush_ && !flushing_) flush_->schedule();
}

void Http2Connection::flush() {
  flushing_ = true;
  write_all();
  flushing_ = false;
  if (closed_) return;
  if (!blocked_ && output_.capacity() > 2 * kOutputPerWrite) output_.shrink_to_fit();
  bool drained = session_.draining() && session_.open_streams() == 0 && written_ == output_.size();
  if (session_.finished() || drained) return close({ErrorKind::kDisconnected, "the connection has ended (GOAWAY)"});
  stream_->want(true, blocked_);
}

void Http2Connection::write_all() {
  while (!closed_ && !blocked_) {
    if (written_ == output_.size()) {
      output_.clear();
      written_ = 0;
      session_.take_output(output_, kOutputPerWrite);
      session_.report_sent();
      if (output_.empty()) break;
    }
    net::IoResult result = stream_->write(std::string_view(output_).substr(written_));
    if (result.status == net::IoStatus::kOk) {
      written_ += result.n;
    } else if (result.status == net::IoStatus::kWouldBlock) {
      blocked_ = true;
    } else {
      return close(stream_->error());
    }
  }
}

// Whatever comes is a sign of life: a peer may be in the middle of a large frame, ahead of its answer to the PING.
void Http2Connection::on_bytes_read() {
  last_read_ = loop_.now();
  if (options_.heard) *options_.heard = last_read_;
  if (!ping_timeout_ || !ping_timeout_->armed()) return;
  ping_timeout_->disarm();
  silence_->arm(options_.ping_interval);
}

void Http2Connection::on_silence() {
  Duration quiet = loop_.now() - last_read_;
  if (quiet < options_.ping_interval) return silence_->arm(options_.ping_interval - quiet);
  session_.ping();
  ping_timeout_->arm(options_.ping_timeout);
}

void Http2Connection::on_no_answer() {
  unanswered_ = true;
  close({ErrorKind::kDisconnected, "connection lost: no answer to a PING within " +
                                       std::to_string(options_.ping_timeout / std::chrono::seconds(1)) + " s"});
}

void Http2Connection::close(Error error) {
  if (std::exchange(closed_, true)) return;
  stream_->want(false, false);
  silence_.reset();
  ping_timeout_.reset();
  // Streams and the owner are told from the loop, since a handler may be on the stack.
  closing_ = loop_.post([this, error = std::move(error)] {
    session_.fail(error);
    auto on_closed = std::move(on_closed_);
    on_closed();  // destroys this
  });
}

}  // namespace ringside::http
