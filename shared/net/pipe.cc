#include "net/pipe.h"

#include <algorithm>
#include <string>

namespace ringside::net {
namespace {

class PipeEnd;

// One direction: `writer` puts bytes in, `reader` takes them out.
struct Direction {
  std::string bytes;
  uint64_t taken = 0;
  bool ended = false;  // nothing more will be written
  bool reader_gone = false;
};

struct Shared {
  PipeOptions options;
  Direction directions[2];
  PipeEnd* ends[2] = {nullptr, nullptr};
};

class PipeEnd : public ByteStream {
 public:
  PipeEnd(event::Loop& loop, std::shared_ptr<Shared> shared, int side)
      : loop_(loop), shared_(std::move(shared)), side_(side) {
    shared_->ends[side_] = this;
  }
  ~PipeEnd() override {
    outgoing().ended = true;
    incoming().reader_gone = true;
    shared_->ends[side_] = nullptr;
    wake_peer();
  }

  IoResult read(std::span<char> buffer) override {
    Direction& in = incoming();
    if (in.bytes.empty()) return {in.ended ? IoStatus::kEnd : IoStatus::kWouldBlock, 0};
    size_t n = std::min({buffer.size(), in.bytes.size(), shared_->options.max_bytes_per_call});
    std::copy_n(in.bytes.begin(), n, buffer.begin());
    in.bytes.erase(0, n);
    in.taken += n;
    wake_peer();
    return {IoStatus::kOk, n};
  }

  IoResult write(std::string_view bytes) override {
    Direction& out = outgoing();
    if (out.reader_gone || out.ended) {
      error_ = Error{ErrorKind::kDisconnected, "connection lost: the other end of the pipe is closed"};
      return {IoStatus::kError, 0};
    }
    size_t room = shared_->options.capacity - std::min(shared_->options.capacity, out.bytes.size());
    size_t n = std::min({bytes.size(), room, shared_->options.max_bytes_per_call});
    if (n == 0) return {IoStatus::kWouldBlock, 0};
    out.bytes.append(bytes.substr(0, n));
    wake_peer();
    return {IoStatus::kOk, n};
  }

  void shut_down_write() override {
    outgoing().ended = true;
    wake_peer();
  }
  void set_ready_callback(ReadyCallback callback) override { callback_ = std::move(callback); }
  void want(bool read, bool write) override {
    want_read_ = read;
    want_write_ = write;
    check();
  }
  std::optional<PeerReading> peer_reading() const override {
    const Direction& out = shared_->directions[1 - side_];
    return PeerReading{out.taken, out.bytes.size()};
  }
  const Error& error() const override { return error_; }

  // Posts the callback if what is wanted holds.
  void check() {
    if (posted_ || !(readable() || writable())) return;
    posted_ = loop_.post([this] {
      auto posted = std::move(posted_);
      if (!callback_ || !(readable() || writable())) return;
      auto callback = callback_;
      auto shared = shared_;
      int side = side_;
      callback(readable(), writable());
      // Level-triggered: ask again, if this end is still there.
      if (PipeEnd* self = shared->ends[side]) self->check();
    });
  }

 private:
  Direction& incoming() { return shared_->directions[side_]; }
  Direction& outgoing() { return shared_->directions[1 - side_]; }
  bool readable() { return want_read_ && (!incoming().bytes.empty() || incoming().ended); }
  bool writable() {
    return want_write_ && (outgoing().bytes.size() < shared_->options.capacity || outgoing().reader_gone);
  }
  void wake_peer() {
    if (PipeEnd* peer = shared_->ends[1 - side_]) peer->check();
  }

  event::Loop& loop_;
  std::shared_ptr<Shared> shared_;
  int side_;
  ReadyCallback callback_;
  bool want_read_ = false, want_write_ = false;
  std::unique_ptr<event::Posted> posted_;
  Error error_;
};

}  // namespace

std::pair<std::unique_ptr<ByteStream>, std::unique_ptr<ByteStream>> make_pipe(event::Loop& loop, PipeOptions options) {
  auto shared = std::make_shared<Shared>();
  shared->options = options;
  return {std::make_unique<PipeEnd>(loop, shared, 0), std::make_unique<PipeEnd>(loop, shared, 1)};
}

}  // namespace ringside::net
