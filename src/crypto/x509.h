// The organisation's own CA and the server's certificate, made once by `init`.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace reachback::crypto {

struct PemPair {
  std::string certificate;
  std::string private_key;
};

// A self-signed CA (P-256, 10 years), allowed to sign leaf certificates only.
Result<PemPair> make_ca(const std::string& common_name, Timestamp now);
// A server certificate (P-256, valid from now - 5 min for `days`) for DNS names and IP addresses,
// signed by ca. Errors: invalid_input (a name that is neither, an unreadable CA).
Result<PemPair> issue_server_certificate(const PemPair& ca, const std::vector<std::string>& names,
                                         int days, Timestamp now);

}  // namespace reachback::crypto
