// A certificate whose key is weaker than OpenSSL allows by default: RSA, 1,024 bits.
#pragma once

#include <string_view>

namespace ringside::testing {

inline constexpr std::string_view kWeakCertificate = R"(-----BEGIN CERTIFICATE-----
MIIB/DCCAWWgAwIBAgIULVAuXXb+pipobkkc4uIYhzpBcucwDQYJKoZIhvcNAQEL
BQAwDzENMAsGA1UEAwwEd2VhazAgFw0yNjExMzAwMzAyNTNaGA8yMTI2MTEwNjAz
MDI1M1owDzENMAsGA1UEAwwEd2VhazCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkC
gYEAqzfcr4b8WJ5E7EfCmT5v9uumKMg6nxGHcctI5ijd0Afjdr9DPEUEQI8PkPus
gfroUEQGr9UrPTnv9H++Pu3mQGS7uZ6Aej84HsdxlpSEuFM16ITOZaGiVFlzrqio
p9sJbBL4XDApA/x6deHtSNovM/VJesgoLd9hAny+BKbCctkCAwEAAaNTMFEwHQYD
VR0OBBYEFBb9sZHezz/cOD8Cmr0oP9Bt1PhiMB8GA1UdIwQYMBaAFBb9sZHezz/c
OD8Cmr0oP9Bt1PhiMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADgYEA
awj0/H0UWF00PNW4szEKt7inQ3tGY3+Fw5vf8yKsngQ6oK+fnq6bVfJoFb0ynecn
alB0IlD3wTGnKziedCtxDGc6ydKat8nBYFUTprod7RHiCda6v9T9nCPi+EiShNJs
2e5dAr4vIs2XbzHO1ZjpSH+oxHrj8aRgyV+gmgUCjT8=
-----END CERTIFICATE-----
)";

}  // namespace ringside::testing
