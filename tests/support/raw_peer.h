// The other end of a connection under test, in bytes.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/byte_stream.h"

namespace ringside::testing {

// Writes what it is given as the stream takes it, and reads what comes unless told otherwise.
class RawPeer {
 public:
  explicit RawPeer(std::unique_ptr<net::ByteStream> stream) : stream_(std::move(stream)) {
    stream_->set_ready_callback([this](bool, bool) { on_ready(); });
    update();
  }

  void send(std::string_view bytes) {
    unsent_.append(bytes);
    update();
  }
  // Half-close, after what was sent.
  void end() {
    ends_ = true;
    if (unsent_.empty()) stream_->shut_down_write();
  }
  void close() { stream_.reset(); }
  void set_reading(bool reading) {
    reading_ = reading;
    update();
  }
  // What came since the last call.
  std::string take() { return std::exchange(received_, {}); }
  bool saw_end() const { return saw_end_; }
  bool failed() const { return failed_; }
  size_t callbacks() const { return callbacks_; }

 private:
  void on_ready() {
    ++callbacks_;
    std::array<char, 4096> buffer;
    while (reading_ && !saw_end_ && !failed_) {
      net::IoResult result = stream_->read(buffer);
      if (result.status == net::IoStatus::kWouldBlock) break;
      if (result.status == net::IoStatus::kOk) received_.append(buffer.data(), result.n);
      saw_end_ = result.status == net::IoStatus::kEnd;
      failed_ = result.status == net::IoStatus::kError;
    }
    bool writes = !unsent_.empty();
    while (!unsent_.empty() && !failed_) {
      net::IoResult result = stream_->write(unsent_);
      if (result.status == net::IoStatus::kWouldBlock) break;
      if (result.status == net::IoStatus::kOk) unsent_.erase(0, result.n);
      failed_ = result.status == net::IoStatus::kError;
    }
    if (writes && unsent_.empty() && ends_) stream_->shut_down_write();
    update();
  }
  void update() {
    if (stream_) stream_->want(reading_ && !saw_end_ && !failed_, !unsent_.empty() && !failed_);
  }

  std::unique_ptr<net::ByteStream> stream_;
  std::string unsent_, received_;
  bool reading_ = true, ends_ = false;
  bool saw_end_ = false, failed_ = false;
  size_t callbacks_ = 0;
};

}  // namespace ringside::testing
