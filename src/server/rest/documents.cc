#include "server/rest/documents.h"

#include "server/rest/csdl.h"
#include "server/rest/json_text.h"

namespace reachback::data {
extern const std::string_view openapi_json;
}

namespace reachback::server::rest {
namespace {

// Stands in api/openapi.json for the address that a client called.
constexpr std::string_view kOwnAddress = "\"https://reachback.example\"";

}  // namespace

Result<Documents> Documents::load() {
  RB_TRY_ASSIGN(std::string metadata, csdl());
  return of(std::move(metadata), data::openapi_json);
}

Result<Documents> Documents::of(std::string csdl, std::string_view openapi) {
  const auto at = openapi.find(kOwnAddress);
  if (at == std::string_view::npos ||
      openapi.find(kOwnAddress, at + kOwnAddress.size()) != std::string_view::npos) {
    return Error{Errc::corrupt,
                 "api/openapi.json: " + std::string(kOwnAddress) + " must be there exactly once"};
  }
  Documents out;
  out.metadata_ = std::move(csdl);
  out.openapi_before_ = openapi.substr(0, at);
  out.openapi_after_ = openapi.substr(at + kOwnAddress.size());
  return out;
}

std::string Documents::openapi(std::string_view base) const {
  std::string out = openapi_before_;
  append_json_string(out, base);
  return out + openapi_after_;
}

}  // namespace reachback::server::rest
