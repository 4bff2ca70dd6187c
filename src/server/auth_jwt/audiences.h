// The names under which clients ask for this API.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/ports/tokens.h"

namespace reachback::server {

// Accepts the hosts of MDE (all years, regions and government clouds), the resource's other names,
// and the server's own URLs; each with or without a slash at its end, scheme and host without
// regard to case. The slash that was asked for stands in `aud` too. Immutable; thread-safe.
// Source: clients.md 4, mde-spec.md §1.1, §1.3.
class AudienceList : public Audiences {
 public:
  // public_url and alias_urls: "https://host[:port]", a slash at the end does not count.
  AudienceList(std::string_view public_url, const std::vector<std::string>& alias_urls);

  Result<std::string> of_resource(std::string_view resource) const override;
  // Several scopes are fine when each names this API. At most 16 and 2 KiB.
  Result<std::string> of_scope(std::string_view scope) const override;
  std::string own() const override { return own_; }

  // Whether a token with this `aud` is meant for us: exactly what the two above hand out.
  bool accepts(std::string_view aud) const;

 private:
  void add(std::string_view name);

  const std::string own_;                     // the public URL
  std::set<std::string, std::less<>> names_;  // lower case, no slash at the end
};

}  // namespace reachback::server
