#include "kube/serving_certificate.h"

#include "base/backoff.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/rfc3339.h"
#include "event/async.h"
#include "net/x509.h"

namespace ringside::kube {
namespace {

constexpr char kAuthorityName[] = "ringside-webhook-ca";
// Two replicas that start together, and one whose certificate is due: more rounds than that are a fault.
constexpr int kMaxRounds = 5;

ResourceType secrets() {
  return {"", "v1", "secrets"};
}

bool is_old(std::string_view certificate_pem, WallTime now, std::chrono::seconds lifetime) {
  auto end = net::not_after(certificate_pem);
  return !end || *end - now < lifetime / 3;
}

std::string data_at(const json::Value& secret, std::string_view key) {
  return parse_base64(secret.string_at({"data", key})).value_or("");
}

// The first certificate of a bundle; empty if there is none.
std::string first_certificate(std::string_view bundle) {
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----\n";
  size_t end = bundle.find(kEnd);
  return end == std::string_view::npos ? std::string() : std::string(bundle.substr(0, end + kEnd.size()));
}

bool is_served_well(const net::CertificateAndKey& serving, std::string_view trusted,
                    const std::vector<std::string>& names, WallTime now) {
  return net::check_serving_certificate(serving, trusted, names) &&
         net::not_after(serving.certificate_pem).value_or(now) > now;
}

}  // namespace

Result<std::optional<CertificateData>> renew_certificate_if_due(const CertificateData& current,
                                                                const std::vector<std::string>& names, WallTime now,
                                                                CertificateLifetimes lifetimes) {
  CertificateData data = current;
  bool new_ca = is_old(data.ca.certificate_pem, now, lifetimes.ca);
  if (!new_ca && !is_old(data.serving.certificate_pem, now, lifetimes.serving) &&
      net::check_serving_certificate(data.serving, data.ca.certificate_pem, names)) {
    return std::nullopt;
  }
  if (!new_ca) {
    bool is_learned = net::made_at(data.ca.certificate_pem).value_or(now) + lifetimes.overlap() <= now;
    if (!is_learned && is_served_well(data.serving, data.ca_bundle, names, now)) return std::nullopt;
    auto serving = net::issue_serving_certificate(data.ca, names, now, lifetimes.serving);
    if (serving && net::check_serving_certificate(*serving, data.ca.certificate_pem, names)) {
      data.serving = std::move(*serving);
      return data;
    }
    // The authority's key is not that of its certificate, or is damaged.
  }
  auto ca = net::make_ca(kAuthorityName, now, lifetimes.ca);
  if (!ca) return failure(ca.error());
  if (!is_served_well(data.serving, data.ca.certificate_pem, names, now)) {
    auto serving = net::issue_serving_certificate(*ca, names, now, lifetimes.serving);
    if (!serving) return failure(serving.error());
    data.serving = std::move(*serving);
  }
  // Until every replica serves what the new one has signed, clients must trust the one before, too.
  bool keep_old = net::not_after(data.ca.certificate_pem).value_or(now) > now;
  data.ca_bundle = ca->certificate_pem + (keep_old ? data.ca.certificate_pem : "");
  data.ca = std::move(*ca);
  return data;
}

json::Value to_secret(const CertificateData& data) {
  return json::Value::object({{"apiVersion", "v1"},
                              {"kind", "Secret"},
                              {"type", "kubernetes.io/tls"},
                              {"data", json::Value::object({{"ca.crt", to_base64(data.ca_bundle)},
                                                            {"ca.key", to_base64(data.ca.key_pem)},
                                                            {"tls.crt", to_base64(data.serving.certificate_pem)},
                                                            {"tls.key", to_base64(data.serving.key_pem)}})}});
}

CertificateData parse_secret(const json::Value& secret) {
  CertificateData data;
  data.ca_bundle = data_at(secret, "ca.crt");
  data.ca = {first_certificate(data.ca_bundle), data_at(secret, "ca.key")};
  data.serving = {data_at(secret, "tls.crt"), data_at(secret, "tls.key")};
  return data;
}

ServingCertificate::ServingCertificate(Client& client, Logger log, Options options, std::function<void()> on_changed)
    : client_(client),
      log_(std::move(log)),
      options_(std::move(options)),
      on_changed_(std::move(on_changed)),
      job_(client.loop(), run()) {}

event::Task<void> ServingCertificate::run() {
  event::Loop& loop = client_.loop();
  Backoff backoff;
  for (;;) {
    auto refreshed = co_await refresh();
    if (refreshed) {
      backoff.reset();
      co_await event::sleep(loop, options_.lifetimes.poll_period());
      continue;
    }
    // With a certificate at hand a failure is no hurry: it has a third of its lifetime left.
    log_.warn(tls_ ? "serving certificate: cannot be read again, the present one stays"
                   : "serving certificate: there is none yet, trying again",
              {{"error", refreshed.error().message}});
    co_await event::sleep(loop, tls_ ? options_.lifetimes.poll_period() : backoff.next(loop.random()));
  }
}

event::Task<Result<void>> ServingCertificate::refresh() {
  Result<CertificateData> data = failure(ErrorKind::kInternal, "not read");
  if (options_.cert_dir.empty()) {
    data = co_await read_or_renew_secret();
  } else {
    data = read_files();
  }
  if (!data) co_return failure(data.error());
  co_return use(*data);
}

event::Task<Result<CertificateData>> ServingCertificate::read_or_renew_secret() {
  for (int round = 0; round < kMaxRounds; ++round) {
    auto secret = co_await client_.get(secrets(), options_.ns, options_.secret);
    if (!secret && secret.error().kind != ErrorKind::kNotFound) co_return failure(secret.error());
    CertificateData current = secret ? parse_secret(*secret) : CertificateData();
    auto renewed = renew_certificate_if_due(current, options_.names, client_.loop().wall_now(), options_.lifetimes);
    if (!renewed) co_return failure(renewed.error());
    if (!*renewed) co_return current;

    json::Value object = to_secret(**renewed);
    Result<json::Value> written = failure(ErrorKind::kInternal, "not written");
    if (secret) {
      // The type of a Secret cannot be changed, and metadata is whoever's made it.
      (*secret)["data"] = object["data"];
      written = co_await client_.update(secrets(), options_.ns, options_.secret, std::move(*secret));
    } else {
      object["metadata"]["name"] = options_.secret;
      object["metadata"]["namespace"] = options_.ns;
      written = co_await client_.create(secrets(), options_.ns, std::move(object));
    }
    if (written) {
      log_.info("serving certificate: made a new one", {{"secret", options_.ns + "/" + options_.secret}});
      co_return **renewed;
    }
    // Another replica was first: its certificate is as good.
    ErrorKind kind = written.error().kind;
    if (kind != ErrorKind::kExists && kind != ErrorKind::kConflict) co_return failure(written.error());
  }
  co_return failure(ErrorKind::kRetry,
                    "secret " + options_.ns + "/" + options_.secret +
                        ": changes faster than it can be written; is another controller managing it?");
}

Result<CertificateData> ServingCertificate::read_files() const {
  auto certificate = read_file(options_.cert_dir + "/" + options_.cert_name);
  if (!certificate) return failure(certificate.error().with_context("serving certificate"));
  auto key = read_file(options_.cert_dir + "/" + options_.key_name);
  if (!key) return failure(key.error().with_context("serving certificate"));
  CertificateData data;
  data.serving = {std::move(*certificate), std::move(*key)};
  if (!options_.ca_bundle_by_others) data.ca_bundle = read_file(options_.cert_dir + "/ca.crt").value_or("");
  return data;
}

Result<void> ServingCertificate::use(const CertificateData& data) {
  bool same_serving =
      data.serving.certificate_pem == serving_.certificate_pem && data.serving.key_pem == serving_.key_pem;
  if (tls_ && same_serving && data.ca_bundle == ca_bundle_) return {};
  if (!tls_) {
    auto context = net::TlsServerContext::create(data.serving, options_.alpn);
    if (!context) return failure(context.error());
    tls_ = std::move(*context);
  } else if (auto replaced = tls_->replace(data.serving); !replaced) {
    return replaced;
  }
  serving_ = data.serving;
  ca_bundle_ = data.ca_bundle;
  if (auto end = net::not_after(serving_.certificate_pem)) {
    log_.info("serving certificate: in use", {{"not_after", to_rfc3339(*end)}});
  }
  on_changed_();
  return {};
}

}  // namespace ringside::kube
