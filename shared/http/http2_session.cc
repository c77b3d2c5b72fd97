#include "http/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/strings.h"
#include "http/http2_fields.h"
#include "http/opened_streams.h"

namespace ringside::http {

struct Http2Session::StreamState {
  Http2Session& session;
  int32_t id;
  StreamHandler* handler = nullptr;
  std::unique_ptr<StreamHandler> owned_handler = nullptr;  // server role
  Handle* handle = nullptr;                                // nullptr once the user has dropped it

  // The peer's message.
  RequestHead request = {};
  int status = 0;
  Headers headers = {};  // of the head being received, later the trailers
  size_t header_bytes = 0;
  int refusal = 0;  // server role: the status that is to be the answer to this head
  bool head_done = false;
  bool peer_ended = false;

  // Our message.
  std::string out = {};
  size_t out_taken = 0;  // bytes of `out` that were taken already
  bool out_ended = false;
  bool deferred = false;  // nghttp2 waits for resume_data
  Headers trailers = {};
  bool we_ended = false;  // END_STREAM was handed to nghttp2
  size_t unreported = 0;  // bytes taken, on_sent still to be called

  size_t unsent() const { return out.size() - out_taken; }
  void take(size_t bytes, std::string& to) {
    to.append(out, out_taken, bytes);
    out_taken += bytes;
    if (out_taken >= unsent()) {  // at least half of it is gone
      out.erase(0, out_taken);
      out_taken = 0;
    }
  }
};

struct Http2Session::Native {
  nghttp2_session* session = nullptr;
  OpenedStreams opened = {};   // server role
  std::string* out = nullptr;  // while output is taken
  size_t out_limit = 0;
  ~Native() { nghttp2_session_del(session); }

  static Http2Session& self(void* user) { return *static_cast<Http2Session*>(user); }
  static int on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* head, void* user);
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t, void* user);
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* user);
  static int on_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int on_close(nghttp2_session*, int32_t id, uint32_t code, void* user);
  static ssize_t read_body(nghttp2_session*, int32_t id, uint8_t* buffer, size_t size, uint32_t* flags,
                           nghttp2_data_source*, void* user);
  static int send_body(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t size, nghttp2_data_source*,
                       void* user);
};

namespace {

// Pseudo-headers first. Valid as long as the arguments live and do not change.
std::vector<nghttp2_nv> native_fields(std::initializer_list<std::pair<std::string_view, std::string_view>> pseudo,
                                      const Headers& headers) {
  std::vector<nghttp2_nv> fields;
  fields.reserve(pseudo.size() + headers.size());
  auto add = [&fields](std::string_view name, std::string_view value) {
    fields.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                      reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                      NGHTTP2_NV_FLAG_NONE});
  };
  for (const auto& [name, value] : pseudo) add(name, value);
  visit_http2_fields(headers, add);
  return fields;
}

Error error_of(uint32_t code) {
  switch (code) {
    case NGHTTP2_REFUSED_STREAM: return {ErrorKind::kRefused, "the request was refused before it was processed"};
    case NGHTTP2_CANCEL: return {ErrorKind::kCancelled, "the request was cancelled by the other side"};
    default: return {ErrorKind::kDisconnected, std::string("the stream was reset: ") + nghttp2_http2_strerror(code)};
  }
}

}  // namespace

// The user's handle. The session outlives it or has told it, by clearing state_.
class Http2Session::Handle : public Stream {
 public:
  explicit Handle(StreamState& state) : state_(&state) { state.handle = this; }
  ~Handle() override {
    if (!state_) return;
    state_->handle = nullptr;
    state_->handler = nullptr;
    // What a server has answered is sent to its end, whether or not it wanted the rest of the request.
    bool answered = state_->out_ended && state_->session.options_.role == Role::kServer;
    if (!answered && !(state_->peer_ended && state_->out_ended)) reset_stream(NGHTTP2_CANCEL);
  }

  void send_response(ResponseHead head, bool end) override {
    if (!state_) return;
    std::string status = std::to_string(head.status);
    std::vector<nghttp2_nv> fields = native_fields({{":status", status}}, head.headers);
    nghttp2_data_provider body{{.ptr = nullptr}, &Native::read_body};
    state_->out_ended = state_->we_ended = end;
    nghttp2_submit_response(native(), state_->id, fields.data(), fields.size(), end ? nullptr : &body);
    output();
  }
  void send_body(std::string_view bytes) override {
    if (!state_ || state_->out_ended) return;
    state_->out.append(bytes);
    resume();
  }
  void send_end(Headers trailers) override {
    if (!state_ || state_->out_ended) return;
    state_->out_ended = true;
    state_->trailers = std::move(trailers);
    resume();
  }
  size_t unsent() const override { return state_ ? state_->unsent() : 0; }
  void credit(size_t bytes) override {
    if (!state_) return;
    nghttp2_session_consume_stream(native(), state_->id, bytes);
    output();
  }
  void reset() override {
    if (!state_) return;
    state_->handler = nullptr;
    reset_stream(NGHTTP2_CANCEL);
  }

  void detach() { state_ = nullptr; }

 private:
  nghttp2_session* native() { return state_->session.native_->session; }
  void output() { state_->session.events_.on_output(); }
  void resume() {
    if (std::exchange(state_->deferred, false)) nghttp2_session_resume_data(native(), state_->id);
    output();
  }
  void reset_stream(uint32_t code) {
    nghttp2_submit_rst_stream(native(), NGHTTP2_FLAG_NONE, state_->id, code);
    output();
  }

  StreamState* state_;
};

// --- nghttp2's callbacks.

// For nghttp2 a stream that was passed over is one that is over, and what comes for it is dropped.
int Http2Session::Native::on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* head, void* user) {
  bool opens = head->type == NGHTTP2_HEADERS && Native::self(user).native_->opened.passed_over(head->stream_id);
  if (opens) nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
  return 0;
}

int Http2Session::Native::on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  Http2Session& self = Native::self(user);
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  int32_t id = frame->hd.stream_id;
  if (self.options_.role == Role::kServer && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    self.native_->opened.note(id);
    self.streams_.emplace(id, std::make_unique<StreamState>(StreamState{.session = self, .id = id}));
  } else if (StreamState* stream = self.find(id)) {
    stream->headers = {};
  }
  return 0;
}

int Http2Session::Native::on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                                    const uint8_t* value, size_t value_size, uint8_t, void* user) {
  Http2Session& self = Native::self(user);
  StreamState* stream = self.find(frame->hd.stream_id);
  if (!stream || stream->refusal) return 0;
  std::string_view key(reinterpret_cast<const char*>(name), name_size);
  std::string_view text(reinterpret_cast<const char*>(value), value_size);
  stream->header_bytes += field_list_size(key, text);
  if (stream->header_bytes > self.options_.max_header_bytes) return self.refuse_head(*stream, 431);
  if (!stream->head_done && !self.head_share_.try_hold(stream->header_bytes)) return self.refuse_head(*stream, 503);
  if (key == ":method") {
    stream->request.method = text;
  } else if (key == ":path") {
    stream->request.path = text;
  } else if (key == ":authority") {
    stream->request.authority = text;
  } else if (key == ":status") {
    stream->status = int(parse_int(text).value_or(0));
  } else if (key == "host" && self.options_.role == Role::kServer) {
    if (stream->request.authority.empty()) stream->request.authority = text;
  } else if (!key.starts_with(':')) {
    stream->headers.add(std::string(key), std::string(text));
  }
  return 0;
}

int Http2Session::Native::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  Http2Session& self = Native::self(user);
  bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      if (StreamState* stream = self.find(frame->hd.stream_id)) self.on_head_complete(*stream, end);
      break;
    case NGHTTP2_DATA:
      if (StreamState* stream = self.find(frame->hd.stream_id); stream && end) self.on_peer_end(*stream);
      break;
    case NGHTTP2_GOAWAY:
      self.draining_ = true;
      self.events_.on_change();
      break;
    case NGHTTP2_SETTINGS: self.events_.on_change(); break;
    default: break;
  }
  return 0;
}

int Http2Session::Native::on_data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes, size_t size,
                                  void* user) {
  Http2Session& self = Native::self(user);
  nghttp2_session_consume_connection(session, size);
  StreamState* stream = self.find(id);
  if (stream && stream->handler) {
    stream->handler->on_body({reinterpret_cast<const char*>(bytes), size});
  }
  return 0;
}

int Http2Session::Native::on_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  bool of_message = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
  Http2Session& self = Native::self(user);
  if (self.options_.role != Role::kServer || !of_message || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
  StreamState* stream = self.find(frame->hd.stream_id);
  if (stream && !stream->peer_ended) {
    // Answered before the request was complete: its rest is not wanted (RFC 9113 section 8.1).
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
  }
  return 0;
}

int Http2Session::Native::on_close(nghttp2_session*, int32_t id, uint32_t code, void* user) {
  Native::self(user).close(id, code);
  return 0;
}

// How much the next frame takes; send_body() takes it, without a copy in between.
ssize_t Http2Session::Native::read_body(nghttp2_session* session, int32_t id, uint8_t*, size_t size, uint32_t* flags,
                                        nghttp2_data_source*, void* user) {
  Http2Session& self = Native::self(user);
  StreamState* stream = self.find(id);
  if (!stream) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  size_t n = std::min(size, stream->unsent());
  if (n == 0 && !stream->out_ended) {
    stream->deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (stream->out_ended && stream->unsent() == n) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    stream->we_ended = true;
    if (stream->trailers.size() > 0) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      std::vector<nghttp2_nv> fields = native_fields({}, stream->trailers);
      nghttp2_submit_trailer(session, id, fields.data(), fields.size());
    }
  }
  return ssize_t(n);
}

int Http2Session::Native::send_body(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t size,
                                    nghttp2_data_source*, void* user) {
  constexpr size_t kFrameHead = 9;
  Http2Session& self = Native::self(user);
  Native& native = *self.native_;
  if (native.out->size() >= native.out_limit) return NGHTTP2_ERR_WOULDBLOCK;
  StreamState* stream = self.find(frame->hd.stream_id);
  if (!stream) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  native.out->append(reinterpret_cast<const char*>(head), kFrameHead);
  if (size == 0) return 0;
  stream->take(size, *native.out);
  if (stream->unreported == 0) self.sent_.push_back(stream->id);
  stream->unreported += size;
  return 0;
}

// --- The session.

Http2Session::Http2Session(Options options, Events events)
    : options_(options),
      events_(std::move(events)),
      head_share_(options.head_budget),
      native_(std::make_unique<Native>()) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, &Native::on_begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &Native::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &Native::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &Native::on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &Native::on_data);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, &Native::send_body);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &Native::on_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &Native::on_close);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_max_send_header_block_length(option, options_.max_header_bytes * 2);
  // A peer that does not know better cuts a head into frames of 16 KiB. nghttp2 counts each as often as a piece of its
  // frame header comes, of which there may be nine.
  constexpr size_t kFrame = 16 << 10, kPieces = 9;
  nghttp2_option_set_max_continuations(option, kPieces * (options_.max_header_bytes / kFrame + 2));

  bool server = options_.role == Role::kServer;
  if (server) {
    nghttp2_session_server_new2(&native_->session, callbacks, this, option);
  } else {
    nghttp2_session_client_new2(&native_->session, callbacks, this, option);
  }
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);

  std::vector<nghttp2_settings_entry> settings = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options_.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, uint32_t(options_.max_header_bytes)},
      server ? nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options_.max_concurrent_streams}
             : nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
  };
  nghttp2_submit_settings(native_->session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  constexpr int32_t kConnectionWindow = 8 << 20;
  nghttp2_session_set_local_window_size(native_->session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

Http2Session::~Http2Session() {
  for (auto& [id, stream] : streams_) {
    if (stream->handle) stream->handle->detach();
  }
}

Http2Session::StreamState* Http2Session::find(int32_t id) {
  auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

Result<void> Http2Session::receive(std::string_view bytes) {
  ssize_t n = nghttp2_session_mem_recv(native_->session, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  events_.on_output();
  if (n < 0) return failure(ErrorKind::kDisconnected, std::string("HTTP/2: ") + nghttp2_strerror(int(n)));
  return {};
}

void Http2Session::take_output(std::string& out, size_t limit) {
  if (std::exchange(goaway_due_, false)) {
    // Made now and not in drain(), so that it covers every request that was accepted meanwhile.
    int32_t last = nghttp2_session_get_last_proc_stream_id(native_->session);
    nghttp2_submit_goaway(native_->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
  }
  native_->out = &out;
  native_->out_limit = limit;
  while (out.size() < limit) {
    const uint8_t* bytes = nullptr;
    ssize_t n = nghttp2_session_mem_send(native_->session, &bytes);
    if (n <= 0) return;
    out.append(reinterpret_cast<const char*>(bytes), size_t(n));
  }
}

void Http2Session::report_sent() {
  std::vector<int32_t> sent;
  sent.swap(sent_);
  for (int32_t id : sent) {
    StreamState* stream = find(id);
    if (!stream) continue;
    size_t bytes = std::exchange(stream->unreported, 0);
    if (stream->handler && bytes > 0) stream->handler->on_sent(bytes);
  }
}

bool Http2Session::can_start() const {
  if (draining_ || options_.role != Role::kClient) return false;
  uint32_t limit = nghttp2_session_get_remote_settings(native_->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return streams_.size() < std::min<uint32_t>(limit, 1 << 16) &&
         nghttp2_session_check_request_allowed(native_->session);
}

std::unique_ptr<Stream> Http2Session::start(const RequestHead& head, bool end, StreamHandler& handler) {
  if (!can_start()) return nullptr;
  std::vector<nghttp2_nv> fields = native_fields(
      {{":method", head.method}, {":scheme", "https"}, {":authority", head.authority}, {":path", head.path}},
      head.headers);
  nghttp2_data_provider body{{.ptr = nullptr}, &Native::read_body};
  int32_t id =
      nghttp2_submit_request(native_->session, nullptr, fields.data(), fields.size(), end ? nullptr : &body, nullptr);
  if (id < 0) return nullptr;
  auto state = std::make_unique<StreamState>(StreamState{.session = *this, .id = id, .handler = &handler});
  state->out_ended = state->we_ended = end;
  auto handle = std::make_unique<Handle>(*state);
  streams_.emplace(id, std::move(state));
  events_.on_output();
  return handle;
}

// What nghttp2 is to do about it.
int Http2Session::refuse_head(StreamState& stream, int status) {
  if (options_.role != Role::kServer || stream.head_done) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  stream.refusal = status;  // to be sent when all of it has come
  head_share_.release();
  stream.headers = {};
  stream.request = {};
  return 0;
}

void Http2Session::on_head_complete(StreamState& stream, bool end) {
  if (stream.head_done) {  // trailers
    if (end) on_peer_end(stream);
    return;
  }
  if (options_.role == Role::kServer) {
    stream.head_done = true;
    stream.peer_ended = end;
    head_share_.release();
    stream.request.headers = std::exchange(stream.headers, {});
    auto handle = std::make_unique<Handle>(stream);
    if (stream.refusal) return handle->send_response({stream.refusal, {{"content-length", "0"}}}, true);
    stream.owned_handler = events_.accept(std::move(handle), std::move(stream.request), !end);
    // An acceptor that answered and dropped the stream at once wants no calls.
    stream.handler = stream.handle ? stream.owned_handler.get() : nullptr;
    return;
  }
  if (stream.status / 100 == 1) return;  // interim
  stream.head_done = true;
  if (stream.handler) stream.handler->on_response({stream.status, std::exchange(stream.headers, {})});
  if (end) on_peer_end(stream);
}

void Http2Session::on_peer_end(StreamState& stream) {
  if (std::exchange(stream.peer_ended, true)) return;
  if (stream.handler) stream.handler->on_end(std::exchange(stream.headers, {}));
}

void Http2Session::close(int32_t id, uint32_t code) {
  auto found = streams_.find(id);
  if (found == streams_.end()) return;
  std::unique_ptr<StreamState> stream = std::move(found->second);
  streams_.erase(found);
  bool complete = stream->peer_ended && stream->we_ended && code == NGHTTP2_NO_ERROR;
  if (stream->handle) stream->handle->detach();
  if (StreamHandler* handler = std::exchange(stream->handler, nullptr)) {
    if (!complete) {
      handler->on_closed(error_of(code));
    } else if (stream->unreported > 0) {  // the last bytes were taken in the same step as the end
      handler->on_sent(stream->unreported);
    }
  }
  events_.on_change();
}

void Http2Session::drain() {
  if (!std::exchange(draining_, true)) goaway_due_ = options_.role == Role::kServer;
  events_.on_output();
}

void Http2Session::ping() {
  nghttp2_submit_ping(native_->session, NGHTTP2_FLAG_NONE, nullptr);
  events_.on_output();
}

bool Http2Session::finished() const {
  return nghttp2_session_want_read(native_->session) == 0 && nghttp2_session_want_write(native_->session) == 0;
}

void Http2Session::fail(const Error& error) {
  auto streams = std::exchange(streams_, {});
  draining_ = true;
  for (auto& [id, stream] : streams) {
    if (stream->handle) stream->handle->detach();
    if (stream->handler) std::exchange(stream->handler, nullptr)->on_closed(error);
  }
}

}  // namespace ringside::http
