// The application behind a call of the token addresses: who it is, and how often it may be wrong.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/rest/call.h"
#include "server/rest/client_text.h"
#include "server/service/sign_in.h"

namespace reachback::server::rest {

// Whom an assertion may be for: the token addresses and the issuers of a tenant, on the hosts that
// are ours by configuration. What host was called does not count: whoever calls chooses that.
std::vector<std::string> token_urls(const Core& core, const TenantId& tenant);

// Wrong secrets and assertions are counted per application and address; while too many are, a
// right one does not pass either, or guessing would still pay. True: answered with 429. Source:
// trust.md §5.1 7.
bool is_locked_out(Core& core, const CallPtr& call, const TenantId& tenant,
                   const std::string& client_id);
// Answers an error of the client's sign-in, and counts it if it was a wrong credential.
void refuse_client(Core& core, const CallPtr& call, const TenantId& tenant,
                   const std::string& client_id, const Error& error);

// Goes on with the application that the request shows; else answers.
void authenticate_client(Core& core, const CallPtr& call, const TenantId& tenant,
                         const ClientText& client,
                         std::function<void(const AuthenticatedClient&)> then);

}  // namespace reachback::server::rest
