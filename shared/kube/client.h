// The Kubernetes API client: typed errors, JSON objects as json::Value, metadata where metadata is enough.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "event/task.h"
#include "http/message.h"
#include "kube/meta.h"
#include "kube/rate_limiter.h"

namespace ringside::event {
class Loop;
}
namespace ringside::http {
class Client;
class BodyReader;
struct StreamingResponse;
}  // namespace ringside::http

namespace ringside::kube {

class Credentials;

// A resource by its place in the API: group "" is the core group.
struct ResourceType {
  std::string group;
  std::string version;
  std::string resource;  // plural, lower case
  bool operator==(const ResourceType&) const = default;
};

inline ResourceType leases() {
  return {"coordination.k8s.io", "v1", "leases"};
}

// "/apis/coordination.k8s.io/v1/namespaces/ns/leases/name/status"; ns and name may be empty.
std::string path_of(const ResourceType& type, std::string_view ns = {}, std::string_view name = {},
                    std::string_view subresource = {});

struct ListOptions {
  std::string ns = {};  // empty: all namespaces
  std::string label_selector = {};
  std::string field_selector = {};
  std::string resource_version = {};  // "0": from the watch cache, whatever its age; empty: most recent
  int limit = 0;                      // objects a page; ignored by the API server with resource_version "0"
  bool metadata_only = false;         // PartialObjectMetadata
};

struct List {
  std::string resource_version;
  std::vector<json::Value> items;
};

struct WriteOptions {
  std::string field_manager = {};
  std::string subresource = {};
  bool force = false;          // server-side apply: take over fields of other managers
  bool metadata_only = false;  // answer with PartialObjectMetadata
};

enum class PatchType { kMerge, kJson, kStrategicMerge };

struct DeleteOptions {
  std::string uid = {};               // precondition, if not empty
  std::string resource_version = {};  // precondition, if not empty
};

enum class WatchEventType { kAdded, kModified, kDeleted, kBookmark };

struct WatchEvent {
  WatchEventType type = WatchEventType::kBookmark;
  json::Value object;
};

// An open watch. Destroying it ends it.
class Watch {
 public:
  virtual ~Watch() = default;
  // The next event. kDisconnected when the watch has ended (normal after some minutes: watch again from the last
  // resource version), kGone when the resource version is too old (list again), the kind of the Status for an ERROR
  // event.
  virtual event::Task<Result<WatchEvent>> next() = 0;
};

// Used from the loop's thread. Every call ends within the timeout, or with the connection's end for watches; the time
// that the rate limit takes comes on top. Errors carry
// "<verb> <resource> <namespace>/<name>: <the server's message>". Nothing is retried here but what was certainly not
// processed (ErrorKind::kRefused), and a 401 once, with the token read again.
class Client {
 public:
  struct Options {
    std::string user_agent = "ringside";
    Duration timeout = std::chrono::seconds(10);
    std::optional<RateLimit> rate_limit = std::nullopt;
  };

  // The http client is connected to the API server; both references must outlive the client.
  Client(event::Loop& loop, http::Client& http, Credentials& credentials, Options options);
  ~Client();

  event::Task<Result<json::Value>> get(ResourceType type, std::string ns, std::string name, bool metadata_only = false);
  event::Task<Result<json::Value>> create(ResourceType type, std::string ns, json::Value object,
                                          WriteOptions options = {});
  // PUT; conflict-checked if the object carries a resourceVersion.
  event::Task<Result<json::Value>> update(ResourceType type, std::string ns, std::string name, json::Value object,
                                          WriteOptions options = {});
  event::Task<Result<json::Value>> patch(ResourceType type, std::string ns, std::string name, PatchType patch_type,
                                         json::Value patch, WriteOptions options = {});
  // Server-side apply; field_manager is required.
  event::Task<Result<json::Value>> apply(ResourceType type, std::string ns, std::string name, json::Value object,
                                         WriteOptions options);
  event::Task<Result<void>> remove(ResourceType type, std::string ns, std::string name, DeleteOptions options = {});

  // All pages in one list.
  event::Task<Result<List>> list(ResourceType type, ListOptions options);
  // The metadata of every object, one at a time, in the order of the API server; nothing is kept. Returns the list's
  // resource version. The callback runs while the answer is read and must not destroy anything of this client.
  event::Task<Result<std::string>> for_each_metadata(ResourceType type, ListOptions options,
                                                     std::function<void(ObjectMeta)> callback);
  // One page of that, options.limit objects at most, for callers that work a page off before they ask for the next: an
  // empty token asks for the first page, and is empty again after the last. The token must outlive the task. kGone when
  // a token has expired: begin anew.
  event::Task<Result<std::vector<ObjectMeta>>> next_metadata_page(ResourceType type, ListOptions options,
                                                                  std::string& token);
  // From options.resource_version on, with bookmarks.
  event::Task<Result<std::unique_ptr<Watch>>> watch(ResourceType type, ListOptions options);

  // Any path, as it is; the body of a 2xx answer.
  event::Task<Result<std::string>> get_raw(std::string path);

  event::Loop& loop() { return loop_; }

  // The API server's clock, to the second, from the last answer's Date: for times that it wrote itself. nullopt before
  // the first answer.
  std::optional<WallTime> server_now() const;

 private:
  struct Call;
  struct PageEnd {
    std::string next;  // the token of the next page; empty: this was the last one
    std::string resource_version;
  };
  http::Request make_request(const Call& call);
  event::Task<Result<http::StreamingResponse>> open(Call call);
  event::Task<Result<std::string>> read_all(http::BodyReader& body);
  event::Task<Result<std::string>> send(Call call);
  event::Task<Result<json::Value>> send_for_object(Call call);
  event::Task<Result<PageEnd>> read_page(ResourceType type, const ListOptions& options, std::string token,
                                         std::function<void(json::Value)> on_item);
  event::Task<Result<std::string>> list_pages(ResourceType type, ListOptions options,
                                              std::function<void(json::Value)> on_item);

  event::Loop& loop_;
  http::Client& http_;
  Credentials& credentials_;
  Options options_;
  RateLimiter limiter_;
  std::optional<WallTime> server_date_;
  TimePoint server_date_at_;
};

}  // namespace ringside::kube
