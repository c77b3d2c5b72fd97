#include "sidecar/quiescence_probe.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "event/async.h"
#include "http/http1_get.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace ringside::sidecar {
namespace {

constexpr size_t kMaxMetrics = 8 << 20;

}  // namespace

QuiescenceProbe::QuiescenceProbe(event::Loop& loop, Logger log, Options options, Connect connect, Listener listener)
    : loop_(loop),
      log_(std::move(log)),
      options_(std::move(options)),
      connect_(std::move(connect)),
      listener_(std::move(listener)) {}

void QuiescenceProbe::set_wanted(bool wanted) {
  if (std::exchange(wanted_, wanted) == wanted) return;
  job_ = wanted ? event::Job(loop_, run()) : event::Job();
}

event::Task<void> QuiescenceProbe::run() {
  if (!failed_at_) listener_.on_expected(true);
  TimePoint next = failed_at_ ? *failed_at_ + options_.retry_wanted : pause_until_;
  if (loop_.now() < next) co_await event::sleep(loop_, next - loop_.now());
  for (;;) {
    listener_.on_scrape();
    TimePoint sent = loop_.now();
    auto states = co_await event::with_timeout(loop_, options_.timeout, options_.url.authority(), scrape());
    if (states) {
      if (!std::exchange(works_, true)) log_.info("the controller's metrics tell when it is quiet");
      failed_at_.reset();
      listener_.on_expected(true);
      auto proof = proof_.scraped(*states, sent, loop_.now());
      if (proof) listener_.on_proof(*proof);
    } else {
      failed(states.error());
    }
    Duration took = loop_.now() - sent;
    pause_until_ = loop_.now() + std::clamp(options_.pause * took, options_.min_pause, options_.max_pause);
    co_await event::sleep(loop_, states ? pause_until_ - loop_.now() : options_.retry);
  }
}

void QuiescenceProbe::failed(const Error& error) {
  if (!failed_at_ || works_) {
    log_.info("the controller's metrics cannot be read: the quiet window is used until they can",
              {{"path", options_.url.path}, {"error", error.message}});
  }
  works_ = false;
  failed_at_ = loop_.now();
  listener_.on_expected(false);
}

event::Task<Result<WorkerStates>> QuiescenceProbe::scrape() {
  http::RequestHead head{.method = "GET",
                         .authority = options_.url.authority(),
                         .path = options_.url.path,
                         .headers = {{"accept", "text/plain;version=0.0.4"}}};
  if (options_.url.tls && !options_.token_file.empty()) {
    auto token = read_file(options_.token_file);
    if (!token) co_return failure(token.error());
    token->erase(token->find_last_not_of(" \t\r\n") + 1);
    head.headers.add("authorization", "Bearer " + *token);
  }
  auto stream = co_await connect_();
  if (!stream) co_return failure(stream.error());
  auto response = co_await http::http1_get(loop_, std::move(*stream), std::move(head), kMaxMetrics);
  if (!response) co_return failure(response.error());
  if (response->status != 200) {
    std::string hint = response->status == 401 || response->status == 403
                           ? "; grant get on this path (nonResourceURLs) to the pod's ServiceAccount"
                           : "";
    co_return failure(ErrorKind::kInvalid, "HTTP status " + std::to_string(response->status) + hint);
  }
  auto states = parse_worker_states(response->body);
  if (states && states->empty()) {
    co_return failure(ErrorKind::kNotFound,
                      "they have neither controller_runtime_active_workers nor "
                      "workqueue_longest_running_processor_seconds");
  }
  co_return states;
}

QuiescenceProbe::Connect metrics_connect(event::Loop& loop, http::Url url) {
  std::shared_ptr<net::TlsClientContext> tls;
  if (url.tls) {
    // Fails only for certificates, of which there are none.
    tls = net::TlsClientContext::create({.ca_pem = {}, .alpn = {"http/1.1"}, .insecure_skip_verify = true}).value();
  }
  return [&loop, url = std::move(url), tls]() -> event::Task<Result<std::unique_ptr<net::ByteStream>>> {
    // The lambda lives in the probe; its captures outlive this coroutine.
    std::string host = url.host == "localhost" ? "127.0.0.1" : url.host;  // nothing to resolve
    auto tcp = co_await net::tcp_connect(loop, host, url.port);
    if (!tcp || !tls) co_return tcp;
    auto connection = co_await net::tls_connect(loop, std::move(*tcp), *tls, url.host);
    if (!connection) co_return failure(connection.error());
    co_return std::move(connection->stream);
  };
}

}  // namespace ringside::sidecar
