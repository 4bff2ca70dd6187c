// What the pages that users sign in on share.
#pragma once

#include <functional>
#include <string>

#include "server/rest/call.h"
#include "server/rest/query.h"
#include "server/service/user_sign_in.h"

namespace reachback::server::rest {

// The parameters of a page: of the address for GET, of the body for POST, where each name stands
// once. Errors: invalid_request.
Result<Pairs> page_parameters(const Call& call);
std::string_view parameter(const Pairs& parameters, std::string_view name);

// Whether a form came from another site: browsers say so.
bool is_from_elsewhere(const Call& call);

// Checks name, password and one-time code of a form, within limits: of tries of a user from one
// address, right or wrong, and of wrong ones of a user from all and from one address whatever the
// name. Errors: as
// UserSignIn::check; too_many_requests.
void check_user(Core& core, const CallPtr& call, const TenantId& tenant, const Pairs& form,
                Done<User> done);

// How a page shows that to the person.
struct PageError {
  int status = 0;
  std::string text;
};
PageError page_error(const Error& error);

}  // namespace reachback::server::rest
