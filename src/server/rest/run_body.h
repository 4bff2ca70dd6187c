// The JSON bodies of runliveresponse and cancel.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/rest/call.h"
#include "server/service/live_response.h"

namespace reachback::server::rest {

// Reads a body of runliveresponse; `machine` and `idempotency_key` are left to the caller. Names
// are case-sensitive but for the keys of params; names that are not known are ignored. Errors:
// invalid_body (not JSON, or not an object), missing_parameter, invalid_input, batch_too_large;
// each names where. Source: mde-spec.md §2; trust.md §5.2.
Result<SubmitRequest> parse_run_body(std::string_view body, const Bounds& bounds);

// The Comment of a body {"Comment": "..."}. Errors: invalid_body, missing_parameter (absent, null
// or empty), invalid_input. Source: mde-spec.md §6.
Result<std::string> parse_comment_body(std::string_view body, const Bounds& bounds);

// nullopt: no such header. Errors: invalid_input (twice, empty, too long, not visible ASCII).
Result<std::optional<std::string>> parse_idempotency_key(const net::Headers& headers,
                                                         std::uint64_t chars_max);

}  // namespace reachback::server::rest
