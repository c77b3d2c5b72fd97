// An API server for kube::Client on a simulated loop: requests are recorded and answered by the test.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/strings.h"
#include "event/simulated_loop.h"
#include "http/client.h"
#include "kube/client.h"
#include "kube/config.h"
#include "tests/support/pipe_server.h"
#include "tests/support/recording_handler.h"

namespace ringside::testing {

// Sends head and body, and ends the answer.
inline void answer(Record& request, int status, std::string_view body, http::Headers headers = {}) {
  request.stream->send_response({status, std::move(headers)}, false);
  request.stream->send_body(body);
  request.stream->send_end();
}

inline void answer_json(Record& request, int status, const json::Value& body) {
  answer(request, status, json::to_string(body));
}

// A parameter of a request's query, decoded; empty if there is none.
inline std::string query_parameter(const Record& request, std::string_view name) {
  std::string_view path = request.request.path;
  if (path.find('?') == path.npos) return {};
  for (std::string_view each : split(path.substr(path.find('?') + 1), '&')) {
    size_t equals = each.find('=');
    if (each.substr(0, equals) == name) return percent_decode(each.substr(equals + 1)).value();
  }
  return {};
}

// The client at one end and the requests at the other.
class FakeApi {
 public:
  explicit FakeApi(net::PipeOptions pipe = {}, kube::Config config = {})
      : server(loop, recording_acceptor(requests, [this](Record& record) { complete(record); }), pipe),
        http(loop, Logger(), server.dialer(), http::Client::Options{.authority = "api"}),
        credentials(kube::Credentials::create(config)),
        client(loop, http, *credentials, {}) {}

  // Called when a request is complete; without it requests wait to be answered.
  std::function<void(Record&)> on_request;

  event::SimulatedLoop loop;
  std::vector<std::shared_ptr<Record>> requests;
  PipeServer server;
  http::Client http;
  std::unique_ptr<kube::Credentials> credentials;
  kube::Client client;

 private:
  void complete(Record& record) {
    if (!record.has_body) {
      if (on_request) on_request(record);
      return;
    }
    record.hook = [this, &record](const std::string& call) {
      if (call == "end" && on_request) on_request(record);
    };
  }
};

}  // namespace ringside::testing
