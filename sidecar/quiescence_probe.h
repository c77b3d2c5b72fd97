// Reads the controller's metrics while objects wait for it to become quiet.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "event/job.h"
#include "event/loop.h"
#include "event/task.h"
#include "http/message.h"
#include "http/url.h"
#include "net/byte_stream.h"
#include "sidecar/workqueue_metrics.h"

namespace ringside::sidecar {

// One scrape at a time, each on a connection of its own, and none while nothing waits.
class QuiescenceProbe {
 public:
  using Connect = std::function<event::Task<Result<std::unique_ptr<net::ByteStream>>>()>;

  struct Options {
    http::Url url;
    // The pod's token, sent over TLS only: controllers that serve metrics there ask for one. Empty: none.
    std::string token_file = {};
    // From the answer to the next scrape: as many times what that scrape took, within these bounds. Metrics of a busy
    // controller cost it 10 ms of CPU time and more.
    int pause = 4;
    Duration min_pause = std::chrono::milliseconds(100), max_pause = std::chrono::milliseconds(250);
    Duration timeout = std::chrono::seconds(1);
    // After a failure; objects that begin to wait later are a reason to try again after `retry_wanted`.
    Duration retry = std::chrono::seconds(30);
    Duration retry_wanted = std::chrono::seconds(1);
  };

  // They run in phase 3, must not destroy the probe, and leave set_wanted() for later.
  struct Listener {
    // A scrape is about to be sent: the proof that it may give is of a moment not before this call.
    std::function<void()> on_scrape;
    // Whether proofs are to be expected: the last scrape succeeded, or there was none yet.
    std::function<void(bool)> on_expected;
    // Every reconcile that had begun by then has ended.
    std::function<void(TimePoint)> on_proof;
  };

  // connect: to the url's address. The loop must outlive the probe.
  QuiescenceProbe(event::Loop& loop, Logger log, Options options, Connect connect, Listener listener);

  // Whether objects wait.
  void set_wanted(bool wanted);

 private:
  event::Task<void> run();
  event::Task<Result<WorkerStates>> scrape();
  void failed(const Error& error);

  event::Loop& loop_;
  Logger log_;
  Options options_;
  Connect connect_;
  Listener listener_;
  ProcessingProof proof_;
  bool wanted_ = false;
  bool works_ = false;
  std::optional<TimePoint> failed_at_;
  TimePoint pause_until_ = TimePoint::min();  // after a success
  event::Job job_;
};

// TCP to the url's address, and TLS over it. The certificate is not verified: controllers make their own for metrics,
// and who listens on the pod's loopback interface is in the pod.
QuiescenceProbe::Connect metrics_connect(event::Loop& loop, http::Url url);

}  // namespace ringside::sidecar
