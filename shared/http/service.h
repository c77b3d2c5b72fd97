// A service answers whole requests: webhooks, health checks, metrics. The server reads the body first (bounded).
#pragma once

#include <functional>
#include <map>
#include <string>

#include "event/task.h"
#include "http/message.h"

namespace ringside::http {

// Called once per request; the task is cancelled if the client goes away. The request stays alive until the task ends.
using Service = std::function<event::Task<Response>(const Request&)>;

// Exact paths, then the longest matching prefix that ends in '/'. Anything else is 404; the query is not looked at.
class Router {
 public:
  void add(std::string path, Service service);
  event::Task<Response> operator()(const Request& request) const;

 private:
  std::map<std::string, Service, std::less<>> services_;
};

// An answer with a text body.
Response text_response(int status, std::string body, std::string content_type = "text/plain; charset=utf-8");

}  // namespace ringside::http
