#include "kube/client.h"

#include <algorithm>

#include "base/strings.h"
#include "event/async.h"
#include "http/client.h"
#include "http/date.h"
#include "kube/config.h"
#include "kube/list_splitter.h"
#include "kube/status.h"

namespace ringside::kube {
namespace {

// Of one object, or of a list that is not split; etcd's limit for an object is 1.5 MiB.
constexpr size_t kMaxBody = 64 << 20;
constexpr size_t kMaxEvent = ListSplitter::kMaxItemBytes;

constexpr std::string_view kMetadataItem = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
constexpr std::string_view kMetadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

class Query {
 public:
  void add(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    text_ += text_.empty() ? '?' : '&';
    text_ += std::string(name) + "=" + percent_encode(value);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// "get leases default/foo", for messages.
std::string describe(std::string_view verb, const ResourceType& type, std::string_view ns, std::string_view name) {
  std::string text = std::string(verb) + " " + to_string(GroupResource{type.group, type.resource});
  if (!ns.empty() || !name.empty()) text += " " + to_string(NamespacedName{std::string(ns), std::string(name)});
  return text;
}

Query list_query(const ListOptions& options, std::string_view token = {}) {
  Query query;
  query.add("labelSelector", options.label_selector);
  query.add("fieldSelector", options.field_selector);
  // A page's token says itself which version it is of.
  if (token.empty()) query.add("resourceVersion", options.resource_version);
  if (options.limit > 0) query.add("limit", std::to_string(options.limit));
  query.add("continue", token);
  return query;
}

Query write_query(const WriteOptions& options) {
  Query query;
  query.add("fieldManager", options.field_manager);
  if (options.force) query.add("force", "true");
  return query;
}

Result<WatchEvent> parse_watch_event(std::string_view line) {
  auto event = json::parse(line);
  if (!event) return failure(event.error().with_context("watch event"));
  std::string_view type = event->string_at({"type"});
  json::Value* object = event->find("object");
  if (!object) return failure(ErrorKind::kInvalid, "watch event without an object");
  if (type == "ERROR") {
    auto status = parse_status(json::to_string(*object));
    return failure(status ? to_error(*status) : Error{ErrorKind::kRetry, "watch: ERROR event without a Status"});
  }
  WatchEvent result;
  result.object = std::move(*object);
  if (type == "ADDED") {
    result.type = WatchEventType::kAdded;
  } else if (type == "MODIFIED") {
    result.type = WatchEventType::kModified;
  } else if (type == "DELETED") {
    result.type = WatchEventType::kDeleted;
  } else if (type == "BOOKMARK") {
    result.type = WatchEventType::kBookmark;
  } else {
    return failure(ErrorKind::kInvalid, "watch event of unknown type '" + std::string(type) + "'");
  }
  return result;
}

class WatchStream : public Watch {
 public:
  WatchStream(std::string what, std::unique_ptr<http::BodyReader> body)
      : what_(std::move(what)), body_(std::move(body)) {}

  event::Task<Result<WatchEvent>> next() override {
    for (;;) {
      size_t end = buffer_.find('\n', begin_);
      if (end != std::string::npos) {
        std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
        auto event = parse_watch_event(line);
        begin_ = end + 1;
        if (!event) co_return failure(event.error().with_context(what_));
        co_return event;
      }
      buffer_.erase(0, begin_);
      begin_ = 0;
      auto piece = co_await body_->next();
      if (!piece) co_return failure(piece.error().with_context(what_));
      if (piece->empty()) co_return failure(ErrorKind::kDisconnected, what_ + ": the watch has ended");
      buffer_ += *piece;
      if (buffer_.size() > kMaxEvent && buffer_.find('\n') == std::string::npos) {
        co_return failure(ErrorKind::kInvalid, what_ + ": an event is larger than 8 MiB");
      }
    }
  }

 private:
  std::string what_;
  std::unique_ptr<http::BodyReader> body_;
  std::string buffer_;
  size_t begin_ = 0;  // of what is not consumed in buffer_
};

std::optional<int> retry_after(const http::Headers& headers) {
  auto seconds = parse_int(headers.get_or("retry-after", ""));
  if (!seconds) return std::nullopt;
  return int(std::clamp<int64_t>(*seconds, 0, 3600));
}

}  // namespace

std::string path_of(const ResourceType& type, std::string_view ns, std::string_view name,
                    std::string_view subresource) {
  std::string path = type.group.empty() ? "/api/" + type.version : "/apis/" + type.group + "/" + type.version;
  if (!ns.empty()) path += "/namespaces/" + percent_encode(ns);
  path += "/" + type.resource;
  if (!name.empty()) path += "/" + percent_encode(name);
  if (!subresource.empty()) path += "/" + std::string(subresource);
  return path;
}

// One request, and how to speak of it.
struct Client::Call {
  std::string what;  // "get leases default/foo"
  std::string method;
  std::string path;
  std::string accept = "application/json";
  std::string content_type = "application/json";
  std::string body = {};
};

Client::Client(event::Loop& loop, http::Client& http, Credentials& credentials, Options options)
    : loop_(loop),
      http_(http),
      credentials_(credentials),
      options_(std::move(options)),
      limiter_(loop, options_.rate_limit) {}
Client::~Client() = default;

std::optional<WallTime> Client::server_now() const {
  if (!server_date_) return std::nullopt;
  return *server_date_ + std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - server_date_at_);
}

http::Request Client::make_request(const Call& call) {
  http::Request request;
  request.head = {.method = call.method, .authority = {}, .path = call.path, .headers = {}};
  request.head.headers.add("accept", call.accept);
  request.head.headers.add("user-agent", options_.user_agent);
  if (!call.body.empty()) request.head.headers.add("content-type", call.content_type);
  std::string token = credentials_.token(loop_.now());
  if (!token.empty()) request.head.headers.add("authorization", "Bearer " + token);
  request.body = call.body;
  return request;
}

event::Task<Result<http::StreamingResponse>> Client::open(Call call) {
  for (int tries = 0;; ++tries) {
    co_await limiter_.pass();
    auto answer = co_await event::with_timeout(loop_, options_.timeout, call.what, http_.open(make_request(call)));
    if (!answer) co_return failure(answer.error().with_context(call.what));
    if (auto date = http::parse_date(answer->head.headers.get_or("date", ""))) {
      server_date_ = date;
      server_date_at_ = loop_.now();
    }
    if (answer->head.status < 400) co_return answer;
    auto body = co_await event::with_timeout(loop_, options_.timeout, call.what, read_all(*answer->body));
    if (answer->head.status == 401 && tries == 0) {
      credentials_.expire();
      continue;
    }
    Error error = to_error(answer->head.status, body ? *body : std::string(), retry_after(answer->head.headers));
    co_return failure(error.with_context(call.what));
  }
}

event::Task<Result<std::string>> Client::read_all(http::BodyReader& body) {
  std::string text;
  for (;;) {
    auto piece = co_await body.next();
    if (!piece || piece->empty()) {
      if (!piece) co_return failure(piece.error());
      co_return text;
    }
    text += *piece;
    if (text.size() > kMaxBody) co_return failure(ErrorKind::kInvalid, "the answer is larger than 64 MiB");
  }
}

event::Task<Result<std::string>> Client::send(Call call) {
  std::string what = call.what;
  auto answer = co_await open(std::move(call));
  if (!answer) co_return failure(answer.error());
  auto body = co_await event::with_timeout(loop_, options_.timeout, what, read_all(*answer->body));
  if (!body) co_return failure(body.error().with_context(what));
  co_return body;
}

event::Task<Result<json::Value>> Client::send_for_object(Call call) {
  std::string what = call.what;
  auto body = co_await send(std::move(call));
  if (!body) co_return failure(body.error());
  auto object = json::parse(*body);
  if (!object) co_return failure(object.error().with_context(what));
  co_return object;
}

event::Task<Result<json::Value>> Client::get(ResourceType type, std::string ns, std::string name, bool metadata_only) {
  Call call{.what = describe("get", type, ns, name), .method = "GET", .path = path_of(type, ns, name)};
  if (metadata_only) call.accept = kMetadataItem;
  co_return co_await send_for_object(std::move(call));
}

event::Task<Result<json::Value>> Client::create(ResourceType type, std::string ns, json::Value object,
                                                WriteOptions options) {
  std::string name(object.string_at({"metadata", "name"}));
  Call call{.what = describe("create", type, ns, name),
            .method = "POST",
            .path = path_of(type, ns) + write_query(options).text(),
            .body = json::to_string(object)};
  if (options.metadata_only) call.accept = kMetadataItem;
  co_return co_await send_for_object(std::move(call));
}

event::Task<Result<json::Value>> Client::update(ResourceType type, std::string ns, std::string name, json::Value object,
                                                WriteOptions options) {
  Call call{.what = describe("update", type, ns, name),
            .method = "PUT",
            .path = path_of(type, ns, name, options.subresource) + write_query(options).text(),
            .body = json::to_string(object)};
  if (options.metadata_only) call.accept = kMetadataItem;
  co_return co_await send_for_object(std::move(call));
}

event::Task<Result<json::Value>> Client::patch(ResourceType type, std::string ns, std::string name,
                                               PatchType patch_type, json::Value patch, WriteOptions options) {
  Call call{.what = describe("patch", type, ns, name),
            .method = "PATCH",
            .path = path_of(type, ns, name, options.subresource) + write_query(options).text(),
            .body = json::to_string(patch)};
  switch (patch_type) {
    case PatchType::kMerge: call.content_type = "application/merge-patch+json"; break;
    case PatchType::kJson: call.content_type = "application/json-patch+json"; break;
    case PatchType::kStrategicMerge: call.content_type = "application/strategic-merge-patch+json"; break;
  }
  if (options.metadata_only) call.accept = kMetadataItem;
  co_return co_await send_for_object(std::move(call));
}

event::Task<Result<json::Value>> Client::apply(ResourceType type, std::string ns, std::string name, json::Value object,
                                               WriteOptions options) {
  // JSON is YAML.
  Call call{.what = describe("apply", type, ns, name),
            .method = "PATCH",
            .path = path_of(type, ns, name, options.subresource) + write_query(options).text(),
            .content_type = "application/apply-patch+yaml",
            .body = json::to_string(object)};
  co_return co_await send_for_object(std::move(call));
}

event::Task<Result<void>> Client::remove(ResourceType type, std::string ns, std::string name, DeleteOptions options) {
  Call call{.what = describe("delete", type, ns, name), .method = "DELETE", .path = path_of(type, ns, name)};
  json::Value preconditions;
  if (!options.uid.empty()) preconditions["uid"] = options.uid;
  if (!options.resource_version.empty()) preconditions["resourceVersion"] = options.resource_version;
  if (!preconditions.is_null()) {
    call.body = json::to_string(json::Value::object(
        {{"kind", "DeleteOptions"}, {"apiVersion", "v1"}, {"preconditions", std::move(preconditions)}}));
  }
  auto answer = co_await send(std::move(call));
  if (!answer) co_return failure(answer.error());
  co_return Result<void>();
}

event::Task<Result<Client::PageEnd>> Client::read_page(ResourceType type, const ListOptions& options, std::string token,
                                                       std::function<void(json::Value)> on_item) {
  Query query = list_query(options, token);
  std::string what = describe("list", type, options.ns, "");
  Call call{.what = what, .method = "GET", .path = path_of(type, options.ns) + query.text()};
  if (options.metadata_only) call.accept = kMetadataList;
  auto answer = co_await open(std::move(call));
  if (!answer) co_return failure(answer.error());
  ListSplitter splitter(std::move(on_item));
  for (;;) {
    auto piece = co_await event::with_timeout(loop_, options_.timeout, what, answer->body->next());
    if (!piece) co_return failure(piece.error().with_context(what));
    if (piece->empty()) break;
    if (auto fed = splitter.feed(*piece); !fed) co_return failure(fed.error().with_context(what));
  }
  auto list = splitter.finish();
  if (!list) co_return failure(list.error().with_context(what));
  co_return PageEnd{.next = std::string(list->string_at({"metadata", "continue"})),
                    .resource_version = std::string(list->string_at({"metadata", "resourceVersion"}))};
}

event::Task<Result<std::string>> Client::list_pages(ResourceType type, ListOptions options,
                                                    std::function<void(json::Value)> on_item) {
  std::string token;
  for (;;) {
    auto page = co_await read_page(type, options, token, on_item);
    if (!page) co_return failure(page.error());
    if (page->next.empty()) co_return std::move(page->resource_version);
    token = std::move(page->next);
  }
}

event::Task<Result<List>> Client::list(ResourceType type, ListOptions options) {
  List list;
  auto version = co_await list_pages(type, std::move(options),
                                     [&list](json::Value item) { list.items.push_back(std::move(item)); });
  if (!version) co_return failure(version.error());
  list.resource_version = std::move(*version);
  co_return list;
}

event::Task<Result<std::string>> Client::for_each_metadata(ResourceType type, ListOptions options,
                                                           std::function<void(ObjectMeta)> callback) {
  options.metadata_only = true;
  co_return co_await list_pages(type, std::move(options), [&callback](json::Value item) {
    if (const json::Value* metadata = item.find("metadata")) callback(parse_object_meta(*metadata));
  });
}

event::Task<Result<std::vector<ObjectMeta>>> Client::next_metadata_page(ResourceType type, ListOptions options,
                                                                        std::string& token) {
  options.metadata_only = true;
  std::vector<ObjectMeta> objects;
  auto page = co_await read_page(type, options, token, [&objects](json::Value item) {
    if (const json::Value* metadata = item.find("metadata")) objects.push_back(parse_object_meta(*metadata));
  });
  if (!page) co_return failure(page.error());
  token = std::move(page->next);
  co_return objects;
}

event::Task<Result<std::unique_ptr<Watch>>> Client::watch(ResourceType type, ListOptions options) {
  options.limit = 0;
  Query query = list_query(options);
  query.add("watch", "true");
  query.add("allowWatchBookmarks", "true");
  // As client-go: spread over 5 to 10 minutes, so that watches do not all end at once.
  query.add("timeoutSeconds", std::to_string(300 + loop_.random() % 300));
  std::string what = describe("watch", type, options.ns, "");
  Call call{.what = what, .method = "GET", .path = path_of(type, options.ns) + query.text()};
  if (options.metadata_only) call.accept = kMetadataItem;
  auto answer = co_await open(std::move(call));
  if (!answer) co_return failure(answer.error());
  co_return std::make_unique<WatchStream>(what, std::move(answer->body));
}

event::Task<Result<std::string>> Client::get_raw(std::string path) {
  Call call{.what = "get " + path, .method = "GET", .path = path};
  co_return co_await send(std::move(call));
}

}  // namespace ringside::kube
