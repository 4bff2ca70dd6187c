// GET /api/$metadata, /api/openapi.json.
#include "server/rest/call.h"
#include "server/rest/handlers.h"

namespace reachback::server::rest {
namespace {

// $format and its like would ask for another document than the one there is: refused, as
// everywhere.
bool refused_options(Core& core, const Call& call) {
  auto options = refuse_options(call.query);
  if (!options) {
    core.refuse(call, options.error());
  }
  return !options;
}

}  // namespace

void get_metadata(Core& core, const CallPtr& call) {
  if (refused_options(core, *call)) {
    return;
  }
  net::Response response;
  response.status = 200;
  response.headers.add("Content-Type", "application/xml");
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.body = core.documents.metadata();
  core.answer(*call, std::move(response));
}

void get_openapi(Core& core, const CallPtr& call) {
  if (refused_options(core, *call)) {
    return;
  }
  core.answer(*call, 200, core.documents.openapi(call->base));
}

}  // namespace reachback::server::rest
