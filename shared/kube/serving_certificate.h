// The certificate that our admission webhooks serve with: made by ourselves and shared by the replicas through a
// Secret, or mounted as files (cert-manager).
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "event/job.h"
#include "kube/client.h"
#include "net/tls.h"

namespace ringside::kube {

// What the Secret holds. ca_bundle is what clients are to trust: our authority, and behind it the one before.
struct CertificateData {
  net::CertificateAndKey ca;
  std::string ca_bundle;
  net::CertificateAndKey serving;
};

struct CertificateLifetimes {
  std::chrono::seconds ca = std::chrono::hours(24 * 3650);  // not shorter than serving
  std::chrono::seconds serving = std::chrono::hours(24 * 90);

  // How long clients have to learn of a new authority before anything is served that it has signed. Longer than
  // several polls, so that every replica has seen it and whoever leads has written it into the caBundles.
  Duration overlap() const { return std::min<Duration>(std::chrono::minutes(10), Duration(serving) / 6); }
  // How often the Secret, or the mounted files, are looked at.
  Duration poll_period() const { return std::min<Duration>(std::chrono::minutes(1), overlap() / 5); }
};

// What should be served, given what there is:
// - the same if it is sound;
// - a new serving certificate from the same authority if the present one is unsound or over two thirds of its lifetime
//   old;
// - a new authority if the present one is unsound or that old. The serving certificate stays and is renewed after the
//   overlap; at once only if it is of no use any more.
// Empty data is unsound. Returns nullopt if nothing is to be changed.
Result<std::optional<CertificateData>> renew_certificate_if_due(const CertificateData& current,
                                                                const std::vector<std::string>& names, WallTime now,
                                                                CertificateLifetimes lifetimes = {});

// A Secret of type kubernetes.io/tls: tls.crt, tls.key, and beside them ca.crt (the bundle) and ca.key.
json::Value to_secret(const CertificateData& data);
// What is missing or malformed is left empty.
CertificateData parse_secret(const json::Value& secret);

class ServingCertificate {
 public:
  struct Options {
    // Of the certificate: the Service's names, or whatever clients call the webhook by.
    std::vector<std::string> names;
    // The Secret that the replicas share.
    std::string ns;
    std::string secret;
    // Mounted files instead, if not empty. ca.crt in that folder is the CA bundle; there may be none, and it is left
    // alone if somebody else fills in the caBundle.
    std::string cert_dir;
    bool ca_bundle_by_others = false;
    std::string cert_name = "tls.crt";
    std::string key_name = "tls.key";

    std::vector<std::string> alpn = {"h2", "http/1.1"};
    CertificateLifetimes lifetimes = {};
  };

  // Reads (or makes) the certificate at once and then every poll period; sooner while there is none. on_changed runs in
  // phase 3 of a turn, first when there is a certificate, then whenever it or the CA bundle has changed; it must not
  // destroy this. The client must outlive this.
  ServingCertificate(Client& client, Logger log, Options options, std::function<void()> on_changed);

  // What the server offers: always the same object, renewed in place. nullptr until there is a certificate.
  const std::shared_ptr<net::TlsServerContext>& tls() const { return tls_; }
  // The CA certificates for a webhook configuration's caBundle, as PEM. Empty if there are none (mounted files without
  // ca.crt): then somebody else fills in the caBundle.
  const std::string& ca_bundle() const { return ca_bundle_; }

 private:
  event::Task<void> run();
  event::Task<Result<void>> refresh();
  event::Task<Result<CertificateData>> read_or_renew_secret();
  Result<CertificateData> read_files() const;
  Result<void> use(const CertificateData& data);

  Client& client_;
  Logger log_;
  Options options_;
  std::function<void()> on_changed_;
  std::shared_ptr<net::TlsServerContext> tls_;
  net::CertificateAndKey serving_;
  std::string ca_bundle_;
  event::Job job_;
};

}  // namespace ringside::kube
