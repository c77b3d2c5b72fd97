#include "sidecar/serviceaccount_dir.h"

#include <filesystem>

#include "base/file.h"
#include "event/async.h"

namespace ringside::sidecar {
namespace {

namespace fs = std::filesystem;

// What the app is to see, as one text to compare.
struct Contents {
  std::string ca, ns, token;
  bool operator==(const Contents&) const = default;
};

Result<Contents> read_source(const std::string& source, const std::string& sidecar_ca_pem) {
  auto ca = read_file(source + "/ca.crt");
  if (!ca) return failure(ca.error());
  auto token = read_file(source + "/token");
  if (!token) return failure(token.error());
  auto ns = read_file(source + "/namespace");
  if (!ns) return failure(ns.error());
  return Contents{sidecar_ca_pem + *ca, *ns, *token};
}

Result<void> write_contents(const Contents& contents, const std::string& target, uint64_t version) {
  fs::path root(target);
  std::string folder = "..ringside_" + std::to_string(version);
  std::error_code code;
  fs::create_directories(root / folder, code);
  if (code) return failure(ErrorKind::kInternal, (root / folder).string() + ": " + code.message());
  for (const auto& [name, text] : {std::pair<const char*, const std::string&>{"ca.crt", contents.ca},
                                   {"namespace", contents.ns},
                                   {"token", contents.token}}) {
    // The app may run as any user of the pod; the kubelet's own files are as readable.
    if (auto done = write_file_atomically((root / folder / name).string(), text, 0644); !done) return done;
    if (!fs::is_symlink(fs::symlink_status(root / name, code)))
      fs::create_symlink(std::string("..data/") + name, root / name, code);
  }
  fs::path old = fs::read_symlink(root / "..data", code);
  fs::remove(root / "..data_new", code);
  fs::create_symlink(folder, root / "..data_new", code);
  if (!code) fs::rename(root / "..data_new", root / "..data", code);
  if (code) return failure(ErrorKind::kInternal, (root / "..data").string() + ": " + code.message());
  if (!old.empty() && old != folder) fs::remove_all(root / old, code);
  return {};
}

event::Task<void> keep_fresh(event::Loop& loop, Logger log, ServiceAccountDir::Options options, Contents written) {
  for (uint64_t version = 1;; ++version) {
    co_await event::sleep(loop, options.period);
    auto contents = read_source(options.source, options.sidecar_ca_pem);
    if (contents && *contents == written) continue;
    Result<void> done = contents ? write_contents(*contents, options.target, version) : failure(contents.error());
    if (done) {
      log.info("the app's ServiceAccount files are renewed", {{"folder", options.target}});
      written = std::move(*contents);
    } else {
      log.warn("the app's ServiceAccount files could not be renewed, trying again", {{"error", done.error().message}});
    }
  }
}

}  // namespace

Result<ServiceAccountDir> ServiceAccountDir::create(event::Loop& loop, Logger log, Options options) {
  auto contents = read_source(options.source, options.sidecar_ca_pem);
  if (!contents) return failure(contents.error());
  // A number that no earlier run of this pod's sidecar has used last: the folder of a run before must not be reused.
  if (auto done = write_contents(*contents, options.target, loop.random()); !done) return failure(done.error());
  ServiceAccountDir dir;
  dir.job_ = event::Job(loop, keep_fresh(loop, std::move(log), std::move(options), std::move(*contents)));
  return dir;
}

}  // namespace ringside::sidecar
