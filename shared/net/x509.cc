#include "net/x509.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

namespace ringside::net {
namespace {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, FreeWith<Free>>;

using Bio = Owned<BIO, BIO_free>;
using BigNumber = Owned<BIGNUM, BN_free>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Owned<X509, X509_free>;
using Extension = Owned<X509_EXTENSION, X509_EXTENSION_free>;
using IpAddress = Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using AltName = Owned<GENERAL_NAME, GENERAL_NAME_free>;
using AltNames = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;

constexpr std::chrono::hours kClockSkew{1};

// What OpenSSL's error queue says, which is emptied.
std::unexpected<Error> openssl_failure(ErrorKind kind, std::string what) {
  std::array<char, 256> text{};
  if (unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, text.data(), text.size());
    what.append(": ").append(text.data());
  }
  ERR_clear_error();
  return failure(kind, std::move(what));
}

Bio bio_over(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), int(text.size())));
}

std::string contents(BIO& bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(&bio, &data);
  return size > 0 ? std::string(data, size_t(size)) : std::string();
}

Result<Certificate> parse_certificate(std::string_view pem) {
  Bio bio = bio_over(pem);
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!certificate) return openssl_failure(ErrorKind::kInvalid, "certificate: not in PEM form (BEGIN CERTIFICATE)");
  return certificate;
}

// A private key that is encrypted is refused: an empty pass phrase is handed in, so that OpenSSL never asks a terminal.
Result<Key> parse_key(std::string_view pem) {
  Bio bio = bio_over(pem);
  std::string no_pass_phrase;
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, no_pass_phrase.data()));
  if (!key) return openssl_failure(ErrorKind::kInvalid, "private key: not in PEM form, or encrypted");
  return key;
}

Result<CertificateAndKey> to_pem(X509& certificate, EVP_PKEY& key) {
  Bio certificate_bio(BIO_new(BIO_s_mem()));
  Bio key_bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate_bio.get(), &certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return openssl_failure(ErrorKind::kInternal, "certificate: cannot be written as PEM");
  }
  return CertificateAndKey{contents(*certificate_bio), contents(*key_bio)};
}

WallTime to_wall_time(const ASN1_TIME& time) {
  std::tm fields{};
  ASN1_TIME_to_tm(&time, &fields);
  return WallTime(std::chrono::seconds(timegm(&fields)));
}

time_t to_time_t(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

// 127 random bits: positive, and unique without a register of serial numbers (RFC 5280 section 4.1.2.2).
bool set_serial(X509& certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), int(bytes.size())) != 1) return false;
  bytes[0] &= 0x7f;
  BigNumber serial(BN_bin2bn(bytes.data(), int(bytes.size()), nullptr));
  return serial && BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(&certificate)) != nullptr;
}

bool add_extension(X509& certificate, X509& issuer, int nid, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

// Built by hand and not from a configuration text, in which a name with a comma would be two.
bool add_alt_names(X509& certificate, const std::vector<std::string>& names) {
  AltNames alt_names(GENERAL_NAMES_new());
  for (const std::string& name : names) {
    AltName alt_name(GENERAL_NAME_new());
    if (IpAddress address(a2i_IPADDRESS(name.c_str())); address) {
      GENERAL_NAME_set0_value(alt_name.get(), GEN_IPADD, address.release());
    } else {
      ASN1_IA5STRING* text = ASN1_IA5STRING_new();
      ASN1_STRING_set(text, name.data(), int(name.size()));
      GENERAL_NAME_set0_value(alt_name.get(), GEN_DNS, text);
    }
    if (sk_GENERAL_NAME_push(alt_names.get(), alt_name.get()) == 0) return false;
    static_cast<void>(alt_name.release());
  }
  return X509_add1_ext_i2d(&certificate, NID_subject_alt_name, alt_names.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

// A certificate with everything but issuer, extensions and signature.
Certificate new_certificate(EVP_PKEY& key, std::string_view common_name, WallTime begin, WallTime end) {
  Certificate certificate(X509_new());
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  auto name = reinterpret_cast<const unsigned char*>(common_name.data());
  bool good = X509_set_version(certificate.get(), X509_VERSION_3) == 1 && set_serial(*certificate) &&
              ASN1_TIME_set(X509_getm_notBefore(certificate.get()), to_time_t(begin)) != nullptr &&
              ASN1_TIME_set(X509_getm_notAfter(certificate.get()), to_time_t(end)) != nullptr &&
              X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, int(common_name.size()), -1, 0) == 1 &&
              X509_set_pubkey(certificate.get(), &key) == 1;
  return good ? std::move(certificate) : nullptr;
}

bool covers(X509& certificate, const std::string& name) {
  if (X509_check_ip_asc(&certificate, name.c_str(), 0) == 1) return true;
  return X509_check_host(&certificate, name.data(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1;
}

bool signed_by_any(X509& leaf, std::string_view ca_pem) {
  Bio bio = bio_over(ca_pem);
  while (Certificate ca{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (X509_check_issued(ca.get(), &leaf) == X509_V_OK && X509_verify(&leaf, X509_get0_pubkey(ca.get())) == 1) {
      ERR_clear_error();
      return true;
    }
  }
  ERR_clear_error();
  return false;
}

}  // namespace

Result<CertificateAndKey> make_ca(std::string_view common_name, WallTime now, std::chrono::seconds lifetime) {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failure(ErrorKind::kInternal, "certificate authority: cannot make a key");
  Certificate ca = new_certificate(*key, common_name, now - kClockSkew, now + lifetime);
  bool good = ca && X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get())) == 1 &&
              add_extension(*ca, *ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
              add_extension(*ca, *ca, NID_key_usage, "critical,keyCertSign,cRLSign") &&
              add_extension(*ca, *ca, NID_subject_key_identifier, "hash") &&
              X509_sign(ca.get(), key.get(), EVP_sha256()) != 0;
  if (!good) return openssl_failure(ErrorKind::kInternal, "certificate authority: cannot be made");
  return to_pem(*ca, *key);
}

Result<CertificateAndKey> issue_serving_certificate(const CertificateAndKey& ca, const std::vector<std::string>& names,
                                                    WallTime now, std::chrono::seconds lifetime) {
  if (names.empty()) return failure(ErrorKind::kInvalid, "serving certificate: needs at least one name");
  auto issuer = parse_certificate(ca.certificate_pem);
  if (!issuer) return failure(issuer.error().with_context("certificate authority"));
  auto issuer_key = parse_key(ca.key_pem);
  if (!issuer_key) return failure(issuer_key.error().with_context("certificate authority"));
  Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failure(ErrorKind::kInternal, "serving certificate: cannot make a key");

  // A common name has at most 64 characters (RFC 5280, ub-common-name); nobody reads it, the names are in the SAN.
  std::string common_name = names.front().substr(0, 64);
  WallTime end = std::min(now + lifetime, to_wall_time(*X509_get0_notAfter(issuer->get())));
  Certificate leaf = new_certificate(*key, common_name, now - kClockSkew, end);
  bool good = leaf && X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer->get())) == 1 &&
              add_extension(*leaf, **issuer, NID_basic_constraints, "critical,CA:FALSE") &&
              add_extension(*leaf, **issuer, NID_key_usage, "critical,digitalSignature") &&
              add_extension(*leaf, **issuer, NID_ext_key_usage, "serverAuth") &&
              add_extension(*leaf, **issuer, NID_subject_key_identifier, "hash") &&
              add_extension(*leaf, **issuer, NID_authority_key_identifier, "keyid:always") &&
              add_alt_names(*leaf, names) && X509_sign(leaf.get(), issuer_key->get(), EVP_sha256()) != 0;
  if (!good) return openssl_failure(ErrorKind::kInternal, "serving certificate: cannot be made");
  return to_pem(*leaf, *key);
}

Result<WallTime> made_at(std::string_view certificate_pem) {
  auto certificate = parse_certificate(certificate_pem);
  if (!certificate) return failure(certificate.error());
  return to_wall_time(*X509_get0_notBefore(certificate->get())) + kClockSkew;
}

Result<WallTime> not_after(std::string_view certificate_pem) {
  auto certificate = parse_certificate(certificate_pem);
  if (!certificate) return failure(certificate.error());
  return to_wall_time(*X509_get0_notAfter(certificate->get()));
}

Result<void> check_serving_certificate(const CertificateAndKey& leaf, std::string_view ca_pem,
                                       const std::vector<std::string>& names) {
  auto certificate = parse_certificate(leaf.certificate_pem);
  if (!certificate) return failure(certificate.error().with_context("serving certificate"));
  auto key = parse_key(leaf.key_pem);
  if (!key) return failure(key.error().with_context("serving certificate"));
  if (X509_check_private_key(certificate->get(), key->get()) != 1) {
    return openssl_failure(ErrorKind::kInvalid, "serving certificate: its private key is another certificate's");
  }
  if (!signed_by_any(**certificate, ca_pem)) {
    return failure(ErrorKind::kInvalid, "serving certificate: not signed by the certificate authority beside it");
  }
  for (const std::string& name : names) {
    if (!covers(**certificate, name)) {
      return failure(ErrorKind::kInvalid, "serving certificate: does not cover the name " + name);
    }
  }
  // What TLS refuses is of no use, however sound it looks.
  auto served = TlsServerContext::create(leaf, {});
  if (!served) return failure(served.error().with_context("serving certificate"));
  return {};
}

}  // namespace ringside::net
