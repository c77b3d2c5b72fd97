// One request of the controller on its way through the proxy.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event/job.h"
#include "http/stream.h"
#include "kube/encoding.h"
#include "kube/meta.h"
#include "kube/request_info.h"
#include "kube/status.h"
#include "sidecar/proxy.h"

namespace ringside::sidecar {

// Owned by the server's connection; client_ is the stream of the controller, api_ the one to the API server. Bytes are
// credited to one side as the other takes them. Bodies are never looked into, but for writes of Leases, and for creates
// and server-side applies while drains are open.
class Exchange : public http::StreamHandler {
 public:
  Exchange(Proxy& proxy, std::unique_ptr<http::Stream> client, http::RequestHead head, bool has_body);
  ~Exchange() override;

  // Decides on the way and takes the first step. Requests about no path are answered as the API server does, of which
  // HTTP/2 could not ask it.
  void begin();

  // The request again, judged by the ring as it is now; used for watches.
  bool filter_changed() const;
  // Ends a watch as the API server does it: the client watches again.
  void end_watch();
  // What a watch is of, whatever else its query says: one of a single object by name is another than that of all.
  std::string watched() const;

  // http::StreamHandler, the client's side.
  void on_response(http::ResponseHead) override {}
  void on_body(std::string_view bytes) override;
  void on_end(http::Headers trailers) override;
  void on_sent(size_t bytes) override;
  void on_closed(Error error) override;

 private:
  // The API server's side.
  class ApiSide : public http::StreamHandler {
   public:
    explicit ApiSide(Exchange& exchange) : exchange_(exchange) {}
    void on_response(http::ResponseHead head) override;
    void on_body(std::string_view bytes) override;
    void on_end(http::Headers trailers) override;
    void on_sent(size_t bytes) override;
    void on_closed(Error error) override;

   private:
    Exchange& exchange_;
  };

  static constexpr size_t kMaxBufferedBody = 8 << 20;  // over the API server's own limit of 3 MiB

  void start(const Filter& filter);
  void start(const Mutate& write);
  void start(const ElectionLease& lease);
  void start(const Pass&);
  void start(const Unavailable& unavailable);
  void start(const Reject& reject);

  // Whether it would resume what the ring's change has made another view of the collection: a watch that was ended
  // since, once for each, or one that was not open then. Notes what begins anew.
  bool must_relist();
  void answer_expired();
  void end_with_event(http::ResponseHead head);
  std::string path_without_query() const;
  // Buffers the body and then goes on with `next`.
  void buffer(event::Loop::Callback next);
  // Asks the fence: tickets, or else the answer to give instead. A server-side apply has two, since it changes an
  // object or creates it, with owners that its body tells.
  using Tickets = std::vector<InFlight>;
  using Admission = std::function<std::expected<Tickets, kube::Status>()>;
  bool applies(const Mutate& write) const;
  bool may_create(const Mutate& write) const;
  std::expected<Tickets, kube::Status> tickets_for(const Mutate& write);
  std::expected<InFlight, kube::Status> ticket_for_create(const Mutate& write);
  // Of the body of a create or an apply. Read when it is first asked for, and once.
  const Result<kube::ObjectMeta>& body_meta(const Mutate& write);
  static bool deletes_child(const Mutate& write);
  static bool creates_child(const Mutate& write);
  void admit(const Mutate& write);
  void admit(const Filter& deletion);
  // By Lease and fence at this moment, with tickets; else it is answered.
  bool is_admitted(const Admission& admission);
  event::Task<void> forward_unless(event::Task<std::optional<kube::Status>> check, Admission admission);
  event::Task<void> forward_create(kube::GroupResource resource, std::string ns, Admission admission);
  // A deletecollection of children, of those that were checked.
  event::Task<void> forward_checked(kube::GroupResource resource, kube::ListOptions list, Admission admission);
  void forward();
  void answer_not_held();
  void answer(const kube::Status& status);
  void note_refusal(const kube::Status& status);
  void answer(http::Response response);
  event::Task<void> ask_bridge(ElectionLease lease);
  bool takes_more() const;
  void drop_tickets();
  // The API server has begun to answer.
  void note_watch(int status);
  // The API server has taken the request for an upgrade: the streams carry the new protocol's bytes from now on.
  void on_switched();
  void end_tunnel();

  Proxy& proxy_;
  std::unique_ptr<http::Stream> client_;
  http::Request request_;  // the body only where it is buffered; the head until it is forwarded
  kube::RequestInfo info_;
  std::string original_path_;
  kube::Encoding encoding_;  // for answers of our own
  RequestDecision decision_;
  bool body_ended_;
  bool upgrades_;              // the client asks for an upgrade
  std::string event_instead_;  // all that a WebSocket watch says that must not be resumed
  bool buffering_ = false;
  bool response_begun_ = false;
  bool response_ended_ = false;  // the API server's
  size_t credited_ = 0;  // of what was given to the API server's side: buffered, and credited to the client then
  event::Loop::Callback after_body_;
  std::optional<Result<kube::ObjectMeta>> body_meta_;
  Tickets tickets_;  // of a write that is under way; an upgraded connection is, for as long as it lasts
  std::optional<CreateGuard::Pending> create_;  // of a child, until it is answered
  event::Job job_;
  ApiSide api_side_{*this};
  std::unique_ptr<http::Stream> api_;
  std::optional<Tunnels::Handle> tunnel_;
  std::optional<WatchContinuity::Open> watch_;  // of a collection of the ring, while the API server answers it
};

}  // namespace ringside::sidecar
