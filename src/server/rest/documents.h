// What the API says of itself: $metadata and the OpenAPI document. Nothing in them is about a
// tenant, a machine or a setting, so they are the same to everybody.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace reachback::server::rest {

// Immutable; any thread.
class Documents {
 public:
  // Errors: internal (see csdl()), corrupt (see of()).
  static Result<Documents> load();
  // With the text of an openapi.json instead of the one that is compiled in. Errors: corrupt (the
  // address that stands for the server's own is not there exactly once).
  static Result<Documents> of(std::string csdl, std::string_view openapi);

  // CSDL 4.0 XML. Source: OData 4.01 Protocol, section 11.1.2.
  const std::string& metadata() const { return metadata_; }
  // OpenAPI 3.1, with `base` ("https://host") as the server's address.
  std::string openapi(std::string_view base) const;

 private:
  std::string metadata_;
  std::string openapi_before_, openapi_after_;  // around the address
};

}  // namespace reachback::server::rest
