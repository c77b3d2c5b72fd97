// Any text as a kubeconfig: a Config with a host, or an error.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "kube/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  int fd = ::memfd_create("kubeconfig", 0);
  if (fd < 0 || ::write(fd, data, size) != ssize_t(size)) abort();
  auto config = ringside::kube::kubeconfig_config("/proc/self/fd/" + std::to_string(fd));
  ::close(fd);
  if (config && (config->host.empty() || config->port == 0)) abort();
  return 0;
}
