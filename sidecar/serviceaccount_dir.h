// The ServiceAccount directory as the app sees it: the pod's token and namespace, and our certificate authority.
#pragma once

#include <string>

#include "base/log.h"
#include "event/job.h"
#include "event/loop.h"

namespace ringside::sidecar {

// Fills <target> with ca.crt (the sidecar's CA and the cluster's), namespace and token, from the kubelet's <source>. As
// the kubelet does it, the files are symbolic links through `..data`, which is replaced in one step, so that a reader
// sees all old or all new. Kept fresh: the kubelet rotates the token.
class ServiceAccountDir {
 public:
  struct Options {
    std::string source;
    std::string target;
    std::string sidecar_ca_pem;
    Duration period = std::chrono::seconds(5);
  };

  // Writes it once, at once, and then again whenever the source changes; files of the last complete write stay if that
  // fails.
  static Result<ServiceAccountDir> create(event::Loop& loop, Logger log, Options options);

 private:
  ServiceAccountDir() = default;
  event::Job job_;
};

}  // namespace ringside::sidecar
