#include "injector/ca_bundle_patcher.h"

#include "base/backoff.h"
#include "base/base64.h"

namespace ringside::injector {
namespace {

// Short, since no pod with the annotation can be created while the caBundle is missing.
constexpr Duration kPeriod = std::chrono::seconds(10);

kube::ResourceType configurations() {
  return {"admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations"};
}

}  // namespace

json::Value make_ca_bundle_patch(const json::Value& configuration, std::string_view ca_bundle) {
  json::Value patch = json::Array();
  const json::Array& webhooks = configuration.array_at({"webhooks"});
  for (size_t i = 0; i < webhooks.size(); ++i) {
    if (webhooks[i].string_at({"clientConfig", "caBundle"}) == ca_bundle) continue;
    std::string path = "/webhooks/" + std::to_string(i);
    patch.push_back(
        json::Value::object({{"op", "test"}, {"path", path + "/name"}, {"value", webhooks[i].string_at({"name"})}}));
    patch.push_back(
        json::Value::object({{"op", "add"}, {"path", path + "/clientConfig/caBundle"}, {"value", ca_bundle}}));
  }
  return patch;
}

CaBundlePatcher::CaBundlePatcher(kube::Client& client, Logger log, std::string configuration,
                                 std::function<std::string()> ca_bundle)
    : client_(client),
      log_(log.with({{"mutatingwebhookconfiguration", configuration}})),
      configuration_(std::move(configuration)),
      ca_bundle_(std::move(ca_bundle)),
      changed_(client.loop()),
      job_(client.loop(), run()) {}

event::Task<void> CaBundlePatcher::run() {
  Backoff backoff;
  for (;;) {
    auto patched = co_await patch();
    if (patched) {
      backoff.reset();
      co_await event::wait_for(client_.loop(), changed_, kPeriod);
      continue;
    }
    log_.warn("the caBundle cannot be patched, trying again; until then no pod with the annotation can be created",
              {{"error", patched.error().message}});
    co_await event::wait_for(client_.loop(), changed_, backoff.next(client_.loop().random()));
  }
}

event::Task<Result<void>> CaBundlePatcher::patch() {
  std::string bundle = ca_bundle_();
  if (bundle.empty()) co_return Result<void>();
  auto present = co_await client_.get(configurations(), "", configuration_);
  if (!present) co_return failure(present.error());
  json::Value patch = make_ca_bundle_patch(*present, to_base64(bundle));
  if (patch.as_array()->empty()) co_return Result<void>();
  kube::WriteOptions options;
  options.field_manager = "ringside-injector";
  auto patched = co_await client_.patch(configurations(), "", configuration_, kube::PatchType::kJson, std::move(patch),
                                        std::move(options));
  if (!patched) co_return failure(patched.error());
  log_.info("caBundle patched");
  co_return Result<void>();
}

}  // namespace ringside::injector
