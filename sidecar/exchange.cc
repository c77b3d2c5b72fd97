#include "sidecar/exchange.h"

#include <algorithm>
#include <utility>

#include "kube/encoding.h"
#include "kube/query.h"
#include "sidecar/object_body.h"
#include "sidecar/request_target.h"
#include "sidecar/status_response.h"

namespace ringside::sidecar {
namespace {

bool is_write(const kube::RequestInfo& info) {
  return info.verb != "get" && info.verb != "list" && info.verb != "watch";
}

// The tickets and one more, or why there is none.
std::expected<std::vector<InFlight>, kube::Status> with(std::vector<InFlight> tickets,
                                                        std::expected<InFlight, kube::Status> ticket) {
  if (!ticket) return std::unexpected(ticket.error());
  tickets.push_back(std::move(*ticket));
  return tickets;
}

}  // namespace

Exchange::Exchange(Proxy& proxy, std::unique_ptr<http::Stream> client, http::RequestHead head, bool has_body)
    : proxy_(proxy),
      client_(std::move(client)),
      body_ended_(!has_body),
      // A server may ignore the wish for an upgrade (RFC 9110 section 7.8): with a body it is a request like any other.
      upgrades_(!has_body && http::is_upgrade_request(head.headers)) {
  request_.head = std::move(head);
  original_path_ = request_.head.path;
  encoding_ = kube::choose_encoding(request_.head.headers.get_or("accept", ""));
}

Exchange::~Exchange() {
  proxy_.watches_.erase(this);
  drop_tickets();
}

// The way of every request, in one place.
void Exchange::begin() {
  if (auto response = answer_without_path(request_.head)) return answer(std::move(*response));
  info_ = kube::parse_request_info(request_.head.method, request_.head.path);
  proxy_.requests_.add({{"verb", info_.verb}});
  decision_ = decide_request(info_, request_.head.path, proxy_.parts_.ring.resources(), proxy_.self_);
  if (info_.verb == "watch") proxy_.watches_.insert(this);
  std::visit([this](const auto& decision) { start(decision); }, decision_);
}

void Exchange::start(const Filter& filter) {
  proxy_.parts_.on_ring_read();
  if (filter.deletes) return buffer([this, filter] { admit(filter); });
  bool expired = must_relist();
  request_.head.path = filter.path_with_query;
  if (expired) return answer_expired();
  forward();
}

void Exchange::start(const Pass&) {
  // Also of a resource that is none of the ring's any more: what other shards have is not in the client's cache.
  if (must_relist()) return answer_expired();
  forward();
}

void Exchange::start(const Mutate& write) {
  bool needs_body = may_create(write) && proxy_.parts_.gate.needs_owner_references();
  if (!needs_body && !deletes_child(write) && !creates_child(write)) return admit(write);
  buffer([this, write] { admit(write); });
}

// Not of resources that are main ones too: such an object is where its own key puts it, whoever owns it.
bool Exchange::deletes_child(const Mutate& write) {
  return write.verb == "delete" && write.subresource.empty() && write.is_controlled && !write.is_main;
}

bool Exchange::creates_child(const Mutate& write) {
  return write.verb == "create" && write.subresource.empty() && write.is_controlled && !write.is_main;
}

void Exchange::admit(const Filter& deletion) {
  kube::GroupResource resource{info_.group, info_.resource};
  Admission admission = [this, resource] {
    return with(Tickets(), proxy_.parts_.gate.admit_delete_collection(resource));
  };
  if (!is_admitted(admission)) return;
  request_.head.path = deletion.path_with_query;
  const RingResource* role = proxy_.parts_.ring.resources().find(info_.group, info_.resource);
  if (!role || !role->is_controlled || role->is_main) return forward();
  kube::ListOptions list;
  list.ns = info_.ns;
  auto query = kube::parse_query(kube::split_target(deletion.path_with_query).query);
  if (const auto* labels = kube::find_parameter(query, "labelSelector")) list.label_selector = labels->value;
  if (const auto* fields = kube::find_parameter(query, "fieldSelector")) list.field_selector = fields->value;
  job_ = event::Job(proxy_.loop_, forward_checked(resource, std::move(list), admission));
}

void Exchange::admit(const Mutate& write) {
  Admission admission = [this, write] { return tickets_for(write); };
  if (!is_admitted(admission)) return;
  if (deletes_child(write)) {
    ObjectRef child{write.resource, write.ns, write.name};
    job_ = event::Job(proxy_.loop_, forward_unless(proxy_.parts_.deletes.check(std::move(child)), admission));
    return;
  }
  if (!creates_child(write)) return forward();
  if (!body_meta(write)) return forward();
  job_ = event::Job(proxy_.loop_, forward_create(write.resource, write.ns, admission));
}

bool Exchange::applies(const Mutate& write) const {
  return write.verb == "patch" && write.subresource.empty() &&
         request_.head.headers.get_or("content-type", "").starts_with("application/apply-patch");
}

bool Exchange::may_create(const Mutate& write) const {
  return (write.verb == "create" && write.subresource.empty()) || (applies(write) && write.is_controlled);
}

std::expected<Exchange::Tickets, kube::Status> Exchange::tickets_for(const Mutate& write) {
  Tickets tickets;
  if (write.verb != "create" || !write.subresource.empty()) {
    auto changed = with(Tickets(), proxy_.parts_.gate.admit_change({write.resource, write.ns, write.name}));
    if (!changed || !may_create(write)) return changed;
    tickets = std::move(*changed);
  }
  return with(std::move(tickets), ticket_for_create(write));
}

std::expected<InFlight, kube::Status> Exchange::ticket_for_create(const Mutate& write) {
  WriteGate& gate = proxy_.parts_.gate;
  if (!gate.needs_owner_references()) return gate.admit_unread_create();
  const auto& meta = body_meta(write);
  if (meta) return gate.admit_create(write.resource, *meta);
  if (applies(write)) return gate.admit_unread_create();
  return std::unexpected(kube::service_unavailable(
      "sidecar: objects are being handed over and the owners of this one cannot be read: " + meta.error().message, 1));
}

const Result<kube::ObjectMeta>& Exchange::body_meta(const Mutate& write) {
  // Programs write what they apply as JSON, which is YAML too.
  std::string_view type = applies(write) ? "application/json" : request_.head.headers.get_or("content-type", "");
  if (!body_meta_) body_meta_ = object_meta_of_body(request_.body, type);
  return *body_meta_;
}

bool Exchange::is_admitted(const Admission& admission) {
  if (!proxy_.parts_.lease.held()) {
    answer_not_held();
    return false;
  }
  auto tickets = admission();
  if (!tickets) {
    answer(tickets.error());
    return false;
  }
  tickets_ = std::move(*tickets);
  return true;
}

// The tickets are held meanwhile, so that a handover waits; but not for ever, and the Lease may be lost: so both are
// asked again when the check has ended.
event::Task<void> Exchange::forward_unless(event::Task<std::optional<kube::Status>> check, Admission admission) {
  auto refusal = co_await check;
  if (refusal) {
    answer(*refusal);
  } else if (is_admitted(admission)) {
    co_return forward();
  }
  drop_tickets();
}

event::Task<void> Exchange::forward_create(kube::GroupResource resource, std::string ns, Admission admission) {
  const kube::ObjectMeta& child = **body_meta_;
  co_await forward_unless(proxy_.parts_.creates.check(std::move(resource), std::move(ns), child), admission);
  if (api_) create_.emplace(proxy_.parts_.creates, child);
}

// Meanwhile children may come, ahead of their owners: the API server is to delete what was there when it was looked at.
event::Task<void> Exchange::forward_checked(kube::GroupResource resource, kube::ListOptions list, Admission admission) {
  auto version = co_await proxy_.parts_.deletes.check_all(std::move(resource), std::move(list));
  if (!version) {
    answer(version.error());
  } else if (is_admitted(admission)) {
    auto pinned = pin_to_version(request_.head.path, !request_.body.empty(), *version);
    if (pinned) request_.head.path = std::move(pinned->target);
    if (pinned && !pinned->body.empty()) {
      request_.body = std::move(pinned->body);
      request_.head.headers.set("content-type", "application/json");
      request_.head.headers.erase("content-length");
    }
    co_return forward();
  }
  drop_tickets();
}

void Exchange::start(const ElectionLease& lease) {
  buffer([this, lease] { job_ = event::Job(proxy_.loop_, ask_bridge(lease)); });
}

event::Task<void> Exchange::ask_bridge(ElectionLease lease) {
  auto response = co_await proxy_.parts_.bridge.handle(lease.ns, lease.name, lease.verb, request_);
  if (response) {
    answer(std::move(*response));
  } else if (lease.otherwise) {
    admit(*lease.otherwise);
  } else {
    forward();
  }
}

void Exchange::start(const Unavailable& unavailable) {
  std::string why = proxy_.parts_.ring.problem();
  answer(kube::service_unavailable("sidecar: " + (why.empty() ? unavailable.reason : why), 1));
}

void Exchange::answer_not_held() {
  answer(kube::service_unavailable(
      "sidecar: this replica does not hold its shard Lease, so it must not write to objects of the ring now", 1));
}

void Exchange::start(const Reject& reject) {
  answer(kube::bad_request("sidecar: " + reject.reason));
}

bool Exchange::must_relist() {
  bool of_collection = info_.is_resource && info_.name.empty() && info_.subresource.empty();
  bool filtered = std::holds_alternative<Filter>(decision_);
  bool resumes = info_.verb == "watch" && resumes_watch(original_path_);
  bool begins = info_.verb == "watch" || (info_.verb == "list" && !continues_list(original_path_));
  if (begins && !resumes && of_collection) proxy_.read_filters_.begun(path_without_query(), filtered);
  if (!resumes) return false;
  bool ended = proxy_.must_relist_.take(watched(), proxy_.loop_.now());
  return ended || (of_collection && proxy_.read_filters_.is_stale(path_without_query(), filtered));
}

void Exchange::answer_expired() {
  kube::Status expired{
      .code = 410, .reason = "Expired", .message = "sidecar: the resources of the ring have changed; list again"};
  note_refusal(expired);
  if (upgrades_) {
    // The event belongs into the WebSocket, which the API server has to open: a status in the place of it does not make
    // fabric8 list again.
    event_instead_ = websocket_error_event(expired);
    return forward();
  }
  answer(watch_error_response(expired, encoding_));
}

// Of the API server's side nothing but the handshake goes on; it is given up with the client's.
void Exchange::end_with_event(http::ResponseHead head) {
  response_ended_ = true;
  if (!client_) return;
  client_->send_response(std::move(head), false);
  client_->send_body(event_instead_);
  client_->send_end();
}

std::string Exchange::watched() const {
  return path_without_query() + '?' + info_.name;
}

std::string Exchange::path_without_query() const {
  return original_path_.substr(0, original_path_.find('?'));
}

bool Exchange::filter_changed() const {
  RequestDecision now = decide_request(info_, original_path_, proxy_.parts_.ring.resources(), proxy_.self_);
  auto target = [this](const RequestDecision& decision) -> std::string {
    if (const auto* filter = std::get_if<Filter>(&decision)) return filter->path_with_query;
    return std::holds_alternative<Pass>(decision) ? original_path_ : std::string();
  };
  return target(now) != target(decision_);
}

void Exchange::end_watch() {
  proxy_.watches_.erase(this);
  watch_.reset();
  api_.reset();
  if (!client_) return;
  if (response_begun_) {
    client_->send_end();
  } else {
    client_->reset();
  }
}

void Exchange::buffer(event::Loop::Callback next) {
  if (body_ended_) return next();
  buffering_ = true;
  after_body_ = std::move(next);
}

void Exchange::forward() {
  bool bodyless = body_ended_ && request_.body.empty();
  http::RequestHead head = std::move(request_.head);
  head.authority.clear();  // the API server's own, never the client's
  if (http::header_list_size(head) > kMaxHeadBytes) {
    drop_tickets();
    return answer(kube::Status{.code = 431,
                               .reason = {},
                               .message = "sidecar: with the shard's selector the head is larger than " +
                                          std::to_string(kMaxHeadBytes) + " bytes"});
  }
  if (upgrades_) {
    api_ = proxy_.parts_.upgrades.start(std::move(head), api_side_);
    return;
  }
  api_ = proxy_.parts_.api.start(std::move(head), bodyless, api_side_);
  if (!api_ || bodyless) return;
  credited_ = request_.body.size();
  if (credited_ > 0) api_->send_body(request_.body);
  request_.body = {};
  if (body_ended_) api_->send_end();
}

void Exchange::answer(const kube::Status& status) {
  note_refusal(status);
  answer(status_response(status, encoding_));
}

void Exchange::note_refusal(const kube::Status& status) {
  proxy_.refused_.add({{"code", std::to_string(status.code)}});
  proxy_.log_.debug(
      "request refused",
      {{"verb", info_.verb}, {"path", original_path_}, {"code", int64_t(status.code)}, {"why", status.message}});
}

void Exchange::answer(http::Response response) {
  if (!client_) return;
  response_begun_ = true;
  response.headers.set("content-length", std::to_string(response.body.size()));
  client_->send_response({response.status, std::move(response.headers)}, response.body.empty());
  if (response.body.empty()) return;
  client_->send_body(response.body);
  client_->send_end();
}

// The directions of a tunnel end by themselves; a request that was answered is over.
bool Exchange::takes_more() const {
  return tunnel_ || !response_ended_;
}

void Exchange::drop_tickets() {
  if (tickets_.empty()) return;
  tickets_.clear();
  proxy_.parts_.gate.on_write_done();
}

void Exchange::note_watch(int status) {
  bool begins = info_.verb == "watch" && info_.name.empty() && (status == 200 || status == 101);
  if (!begins || !proxy_.parts_.ring.resources().find(info_.group, info_.resource)) return;
  watch_.emplace(proxy_.parts_.watches, kube::GroupResource{info_.group, info_.resource});
}

void Exchange::on_switched() {
  const auto* write = std::get_if<Mutate>(&decision_);
  std::optional<ObjectRef> object;
  if (write) object = ObjectRef{write->resource, write->ns, write->name};
  tunnel_.emplace(proxy_.tunnels_.add(std::move(object), [this] { end_tunnel(); }));
  proxy_.watches_.insert(this);
}

void Exchange::end_tunnel() {
  proxy_.log_.info("ending an upgraded connection: its object is not this replica's to change any more",
                   {{"path", path_without_query()}});
  proxy_.watches_.erase(this);
  api_.reset();
  drop_tickets();
  if (client_) client_->reset();
}

// --- The controller's side.

void Exchange::on_body(std::string_view bytes) {
  if (api_ && takes_more()) return api_->send_body(bytes);
  // Buffered, or for a request that was answered without its body: taken either way.
  if (client_) client_->credit(bytes.size());
  if (!buffering_) return;
  if (request_.body.size() + bytes.size() > kMaxBufferedBody) {
    buffering_ = false;
    return answer(
        kube::Status{.code = 413,
                     .reason = "RequestEntityTooLarge",
                     .message = "sidecar: the body is larger than " + std::to_string(kMaxBufferedBody) + " bytes"});
  }
  request_.body.append(bytes);
}

void Exchange::on_end(http::Headers trailers) {
  body_ended_ = true;
  if (api_ && takes_more()) return api_->send_end(std::move(trailers));
  if (std::exchange(buffering_, false)) after_body_();
}

void Exchange::on_sent(size_t bytes) {
  if (api_) api_->credit(bytes);
}

void Exchange::on_closed(Error) {
  proxy_.watches_.erase(this);
  watch_.reset();
  job_ = {};
  // The request may have been processed all the same: the ticket goes when the stream is given up.
  api_.reset();
  create_.reset();
  tunnel_.reset();
  drop_tickets();
  client_.reset();
}

// --- The API server's side.

void Exchange::ApiSide::on_response(http::ResponseHead head) {
  exchange_.response_begun_ = true;
  if (head.status == 101 && !exchange_.event_instead_.empty()) return exchange_.end_with_event(std::move(head));
  exchange_.event_instead_.clear();
  exchange_.note_watch(head.status);
  if (head.status >= 500) exchange_.create_.reset();
  if (head.status == 101) {
    exchange_.on_switched();
  } else {
    exchange_.drop_tickets();
  }
  if (exchange_.client_) exchange_.client_->send_response(std::move(head), false);
}

void Exchange::ApiSide::on_body(std::string_view bytes) {
  if (exchange_.client_ && exchange_.event_instead_.empty()) exchange_.client_->send_body(bytes);
}

void Exchange::ApiSide::on_end(http::Headers trailers) {
  exchange_.response_ended_ = true;
  exchange_.watch_.reset();
  if (exchange_.create_) exchange_.create_->answered();
  if (exchange_.client_ && exchange_.event_instead_.empty()) exchange_.client_->send_end(std::move(trailers));
}

void Exchange::ApiSide::on_sent(size_t bytes) {
  size_t credited = std::min(bytes, exchange_.credited_);
  exchange_.credited_ -= credited;
  if (exchange_.client_ && bytes > credited) exchange_.client_->credit(bytes - credited);
}

void Exchange::ApiSide::on_closed(Error error) {
  exchange_.drop_tickets();
  exchange_.create_.reset();
  exchange_.watch_.reset();
  if (!exchange_.client_) return;
  if (exchange_.response_ended_) {
    // All of the answer is on its way to the client; what the client still says is dropped (RFC 9113 section 8.1).
    exchange_.api_.reset();
    return;
  }
  if (exchange_.response_begun_) {
    exchange_.client_->reset();
    return;
  }
  exchange_.proxy_.log_.warn("the API server did not answer",
                             {{"path", exchange_.original_path_}, {"error", error.message}});
  // What an exec has done is not known either, though its verb may be get.
  bool is_read = !is_write(exchange_.info_) && (!exchange_.upgrades_ || exchange_.info_.verb == "watch");
  exchange_.answer(status_of_failure(error, !is_read));
}

}  // namespace ringside::sidecar
