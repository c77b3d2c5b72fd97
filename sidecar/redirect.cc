#include "sidecar/redirect.h"

#include <arpa/inet.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace ringside::sidecar {
namespace {

bool is_address(int family, const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> buffer;
  return ::inet_pton(family, text.c_str(), buffer.data()) == 1;
}

Error failed(const std::string& what) {
  return {ErrorKind::kInternal, what + ": " + std::strerror(errno)};
}

bool is_address(const std::string& text) {
  return is_address(AF_INET, text) || is_address(AF_INET6, text);
}

}  // namespace

ServiceAddress find_service_address(std::string host, std::string port, std::string_view kubernetes_port) {
  constexpr std::string_view kScheme = "tcp://";
  size_t colon = kubernetes_port.rfind(':');
  if (!is_address(host) && kubernetes_port.starts_with(kScheme) && colon > kScheme.size()) {
    std::string service(kubernetes_port.substr(kScheme.size(), colon - kScheme.size()));
    if (service.starts_with('[') && service.ends_with(']')) service = service.substr(1, service.size() - 2);
    if (is_address(service)) return {service, std::string(kubernetes_port.substr(colon + 1))};
  }
  return {std::move(host), std::move(port)};
}

Result<std::string> make_redirect_rules(const RedirectOptions& options) {
  bool v4 = is_address(AF_INET, options.service_host);
  if (!v4 && !is_address(AF_INET6, options.service_host)) {
    return failure(ErrorKind::kInvalid, "the API server's address '" + options.service_host + "' is no IP address");
  }
  // Declared before it is deleted, so that there is something to delete; all of it is one transaction.
  return "table inet ringside\n"
         "delete table inet ringside\n"
         "table inet ringside {\n"
         "  chain output {\n"
         "    type nat hook output priority -100; policy accept;\n"
         "    meta skuid " +
         std::to_string(options.except_uid) + " return\n    " + (v4 ? "ip" : "ip6") + " daddr " + options.service_host +
         " tcp dport " + std::to_string(options.service_port) + " redirect to :" + std::to_string(options.to_port) +
         "\n  }\n}\n";
}

Error apply_redirect_rules(const RedirectOptions& options, const std::string& rules) {
  int fd = ::memfd_create("rules", 0);
  if (fd < 0) return failed("memfd_create");
  if (::write(fd, rules.data(), rules.size()) != ssize_t(rules.size()) || ::lseek(fd, 0, SEEK_SET) != 0 ||
      ::dup2(fd, STDIN_FILENO) < 0) {
    return failed("rules for nft");
  }
  std::vector<std::string> texts = {options.nft, "-f", "-"};
  std::array<char*, 4> arguments = {texts[0].data(), texts[1].data(), texts[2].data(), nullptr};
  ::execv(options.nft.c_str(), arguments.data());
  return failed(options.nft);
}

}  // namespace ringside::sidecar
