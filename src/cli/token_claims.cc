#include "cli/token_claims.h"

#include "base/bytes.h"

namespace reachback::cli {

std::optional<Fields> token_claims(std::string_view jwt) {
  const std::size_t from = jwt.find('.');
  const std::size_t to = from == std::string_view::npos ? from : jwt.find('.', from + 1);
  if (to == std::string_view::npos) {
    return std::nullopt;
  }
  auto bytes = from_base64url(jwt.substr(from + 1, to - from - 1));
  if (!bytes) {
    return std::nullopt;
  }
  auto claims = Fields::parse(*bytes);
  return claims.ok() ? std::optional(*claims) : std::nullopt;
}

}  // namespace reachback::cli
