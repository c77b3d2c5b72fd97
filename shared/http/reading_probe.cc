#include "http/reading_probe.h"

#include <utility>

namespace ringside::http {
namespace {

constexpr Duration kLook = std::chrono::milliseconds(500);  // between two looks at whether it has read

}  // namespace

ReadingProbe::ReadingProbe(event::Loop& loop, Options options, std::function<void()> on_hung)
    : loop_(loop), options_(options), on_hung_(std::move(on_hung)), timeout_(loop, [this] { on_timeout(); }) {
  if (options_.interval == Duration::zero()) return;
  timer_ = loop.timer([this] { on_time(); });
  timer_->arm(options_.interval);
}

void ReadingProbe::start(net::ByteStream& stream) {
  stream_ = &stream;
}

void ReadingProbe::stop() {
  stream_ = nullptr;
  asked_.reset();
  timeout_.disarm();
}

void ReadingProbe::on_time() {
  Duration quiet = options_.last_heard ? loop_.now() - *options_.last_heard : options_.interval;
  if (!asked_ && stream_ && quiet >= options_.interval) ask();
  if (asked_ && has_read()) {
    asked_.reset();
    timeout_.disarm();
  }
  if (asked_) return timer_->arm(kLook);
  timer_->arm(quiet < options_.interval ? options_.interval - quiet : options_.interval);
}

void ReadingProbe::ask() {
  asked_ = stream_->peer_reading();
  if (!asked_) return;
  asked_at_ = loop_.now();
  stream_->nudge();
  timeout_.arm(options_.timeout);
}

void ReadingProbe::on_timeout() {
  bool hangs = asked_ && !has_read();
  asked_.reset();
  if (!hangs) return;
  stream_ = nullptr;
  on_hung_();
}

bool ReadingProbe::has_read() const {
  if (options_.last_heard && *options_.last_heard > asked_at_) return true;
  auto now = stream_->peer_reading();
  return !now || now->read > asked_->read || now->unread == 0;
}

}  // namespace ringside::http
