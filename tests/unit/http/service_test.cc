#include "http/service.h"

#include <gtest/gtest.h>

#include "tests/support/run_task.h"

namespace ringside::http {
namespace {

TEST(RouterTest, ExactPathThenLongestPrefix) {
  Router router;
  for (std::string path : {"/healthz", "/a/", "/a/b/", "/a/exact"}) {
    router.add(path, [path](const Request&) -> event::Task<Response> { co_return text_response(200, path); });
  }
  const std::pair<std::string, std::string> cases[] = {
      {"/healthz", "/healthz"},       {"/healthz?verbose", "/healthz"}, {"/a/", "/a/"},        {"/a/x/y", "/a/"},
      {"/a/b/c?x=/a/exact", "/a/b/"}, {"/a/exact", "/a/exact"},         {"/a/exactly", "/a/"}, {"/a/b", "/a/"},
  };
  event::SimulatedLoop loop;
  for (const auto& [path, expected] : cases) {
    Request request{.head = {.method = "GET", .authority = {}, .path = path, .headers = {}}, .body = {}};
    EXPECT_EQ(ringside::testing::run(loop, router(request)).body, expected) << path;
  }
  for (std::string path : {"/", "/healthz/", "/healthzz", "/a", ""}) {
    Request request{.head = {.method = "GET", .authority = {}, .path = path, .headers = {}}, .body = {}};
    EXPECT_EQ(ringside::testing::run(loop, router(request)).status, 404) << path;
  }
}

}  // namespace
}  // namespace ringside::http
