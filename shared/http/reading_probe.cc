#include "http/reading_probe.h"

#include <utility>

namespace ringside::http {
namespace {

// Parts of the interval: from the question to the first look and to the next, and for how long the other connections
// wait for the answer on the one that was asked first, which is over its first look.
constexpr int kLook = 8;
constexpr int kOthersWait = 6;

}  // namespace

ReadingProbe::ReadingProbe(event::Loop& loop, Options options, std::function<void()> on_hangs)
    : loop_(loop), options_(options), on_hangs_(std::move(on_hangs)), timeout_(loop, [this] { on_timeout(); }) {
  if (options_.interval == Duration::zero()) return;
  timer_ = loop.timer([this] { on_time(); });
  timer_->arm(options_.interval);
}

void ReadingProbe::response_begins(net::ByteStream& stream) {
  stream_ = &stream;
  awaited_ = true;
}

void ReadingProbe::stop() {
  stream_ = nullptr;
  awaited_ = false;
  end_question();
}

void ReadingProbe::on_time() {
  if (asked_ && lives()) end_question();
  timer_->arm(until_next_look());
}

// Asks if it is time to.
Duration ReadingProbe::until_next_look() {
  TimePoint now = loop_.now();
  Duration interval = options_.interval, look = interval / kLook, wait = interval / kOthersWait;
  if (asked_) return look;
  Duration quiet = now - options_.life->heard, others = now - options_.life->asked;
  if (quiet < interval) return interval - quiet;
  if (!stream_) return interval;
  if (others < wait) return wait - others;
  ask();
  return asked_ ? look : interval;
}

void ReadingProbe::ask() {
  auto reading = stream_->peer_reading();
  if (!reading) return;
  bool first = loop_.now() - options_.life->asked >= options_.interval;  // of this round of questions
  bool nudged = awaited_ && stream_->nudge(!first);
  if (!nudged && reading->unread == 0) return;
  asked_ = reading;
  asked_at_ = loop_.now();
  if (first) options_.life->asked = asked_at_;
  timeout_.arm(options_.timeout);
}

void ReadingProbe::on_timeout() {
  bool hangs = asked_ && !lives();
  end_question();
  if (!hangs) return;
  stream_ = nullptr;
  on_hangs_();
}

void ReadingProbe::end_question() {
  asked_.reset();
  timeout_.disarm();
}

bool ReadingProbe::lives() const {
  if (has_read()) options_.life->heard = loop_.now();
  return options_.life->heard > asked_at_;
}

bool ReadingProbe::has_read() const {
  auto now = stream_->peer_reading();
  return now && now->read > asked_->read;
}

}  // namespace ringside::http
