// Keeps the caBundle in the injector's own MutatingWebhookConfiguration.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "base/log.h"
#include "event/async.h"
#include "event/job.h"
#include "kube/client.h"

namespace ringside::injector {

// The JSON patch that gives every webhook of the configuration that caBundle (PEM in base64); an empty array if they
// have it. It fails if the webhooks are others when it is applied.
json::Value make_ca_bundle_patch(const json::Value& configuration, std::string_view ca_bundle);

class CaBundlePatcher {
 public:
  // The client must outlive it. `ca_bundle` gives PEM text; while it is empty, somebody else cares for the caBundle.
  // Looks every 10 s, since applying the manifests again may remove what was patched.
  CaBundlePatcher(kube::Client& client, Logger log, std::string configuration, std::function<std::string()> ca_bundle);

  // There is another CA bundle.
  void patch_now() { changed_.notify(); }

 private:
  event::Task<void> run();
  event::Task<Result<void>> patch();

  kube::Client& client_;
  Logger log_;
  std::string configuration_;
  std::function<std::string()> ca_bundle_;
  event::Signal changed_;
  event::Job job_;
};

}  // namespace ringside::injector
