#include "sidecar/controller_life.h"

namespace ringside::sidecar {

ControllerLife::ControllerLife(event::Loop& loop, Logger log, Options options, ElectionBridge& bridge,
                               ShardLease& lease)
    : loop_(loop),
      log_(std::move(log)),
      options_(options),
      bridge_(bridge),
      lease_(lease),
      grace_(loop, [this] { on_grace_over(); }),
      changed_(loop) {
  election_wait_ = loop.timer([this] {
    if (!bridge_.in_use() && reads_ring_ && connections_ > 0) job_ = event::Job(loop_, renew_without_election());
  });
}

void ControllerLife::on_connections_changed(size_t open) {
  if (connections_ > 0 && open == 0) {
    log_.info("the controller has no connection any more",
              {{"graceSeconds", int64_t(options_.grace / std::chrono::seconds(1))}});
    bridge_.forget_holders();
    reads_ring_ = false;
    election_wait_->disarm();
    job_ = {};
    grace_.arm(options_.grace);
  } else if (connections_ == 0 && open > 0) {
    grace_.disarm();
  }
  connections_ = open;
  changed_.notify();
}

void ControllerLife::on_ring_read() {
  if (std::exchange(reads_ring_, true) || bridge_.in_use()) return;
  election_wait_->arm(options_.election_wait);
}

void ControllerLife::on_grace_over() {
  if (lease_.held()) log_.warn("the controller did not come back: releasing the shard Lease");
  job_ = event::Job(loop_, give_up(lease_.release()));
}

event::Task<void> ControllerLife::give_up(event::Task<Result<void>> lease) {
  auto done = co_await std::move(lease);
  if (!done) log_.warn("cannot release the shard Lease; it expires by itself", {{"error", done.error().message}});
}

event::Task<void> ControllerLife::renew_without_election() {
  log_.info("the controller uses no leader election: the shard Lease follows its connections");
  while (!bridge_.in_use()) {
    auto done = co_await lease_.hold();
    if (!done) log_.warn("cannot hold the shard Lease", {{"error", done.error().message}});
    co_await event::sleep(loop_, options_.renew_period);
  }
}

event::Task<void> ControllerLife::wind_up(Duration patience) {
  TimePoint end = loop_.now() + patience;
  while (connections_ > 0 && loop_.now() < end) co_await event::wait_for(loop_, changed_, end - loop_.now());
  if (connections_ > 0) {
    log_.info("the controller is still connected: the shard Lease stays for the next sidecar");
    co_return;
  }
  grace_.disarm();
  job_ = {};
  co_await give_up(lease_.retire());
}

}  // namespace ringside::sidecar
