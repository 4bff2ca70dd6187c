// What the handlers share: the API's state, and one request on its way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/rest/documents.h"
#include "server/rest/errors.h"
#include "server/rest/limits.h"
#include "server/rest/list_options.h"
#include "server/rest/open_views.h"
#include "server/rest/query.h"
#include "server/rest/rate_limiter.h"
#include "server/rest/rest_api.h"
#include "server/rest/routes.h"

namespace reachback::server::rest {

// The limits of the chosen profile that are looked at for every request.
struct Bounds {
  std::uint64_t page_bytes, list_work;
  ListLimits list;
  Duration wait_timeout, wait_default, machine_inactive_after;
  std::uint64_t live_views, live_views_of_caller;
  std::uint64_t run_body_bytes, cancel_body_bytes, token_body_bytes, library_body_bytes;
  std::uint64_t token_parameters;
  std::uint64_t library_file_bytes, library_text_bytes;
  std::uint64_t multipart_parts, multipart_header_bytes, multipart_boundary_chars;
  std::uint64_t machine_body_bytes, tag_chars, tags, tag_machines;
  Duration find_by_ip_history;
  std::uint64_t settings_body_bytes, audit_page, audit_page_default;
  std::uint64_t interactive_line_bytes, interactive_body_bytes, terminal_typed_bytes, terminal_side;
  std::uint64_t commands, comment_chars, title_chars, args_bytes, get_file_path_bytes;
  std::uint64_t idempotency_key_chars;
  std::vector<Window> calls, run_calls, package_uri_calls, typing_calls, wrong_secrets;
  std::vector<Window> password_tries, wrong_passwords_of_user, user_code_tries, device_starts;
  Duration device_code_lifetime, device_code_interval;

  ListBounds list_bounds() const { return ListBounds{page_bytes, list_work}; }
  // rate_factor: call rates are so many times the profile's.
  static Bounds of(const Limits& limits, Profile profile, std::uint64_t rate_factor = 1);
};

// One request whose route is known. Written by the pipeline before the handler, read-only after.
struct Call {
  std::shared_ptr<net::Exchange> exchange;
  const Route* route = nullptr;
  std::vector<std::string> params;
  Pairs query;
  Principal principal;                    // of an api route
  std::shared_ptr<const net::Body> body;  // set when the route takes one
  std::string base;                       // "https://host" that answers name

  const net::Request& request() const { return exchange->request(); }
  std::string_view content() const { return body ? body->view() : std::string_view(); }
  // "<base>/api/$metadata#<set>"
  std::string context(std::string_view set) const {
    return base + "/api/$metadata#" + std::string(set);
  }
};

// The API's state. Members are set before the first request, but the limiters, which lock.
class Core {
 public:
  Core(RestDeps d, RestOptions o, ErrorTable e, Bounds b, PermissionTable p, Documents about,
       InteractiveTable commands);

  void handle(std::shared_ptr<net::Exchange> exchange);
  // "https://host" that a client called and that answers name.
  std::string base_for(const net::Request& request) const;
  // Every such address of ours.
  std::vector<std::string> own_addresses() const;
  void answer(const Call& call, int status, std::string json) const;
  void answer(const Call& call, net::Response response) const;
  void refuse(const Call& call, const Refusal& refusal) const;
  // The number alone, as text. Source: OData 4.01 Protocol, section 11.2.10.
  void answer_count(const Call& call, std::uint64_t count) const;
  // What opens the call's route for its caller. Of an api route.
  Permissions enough_for(const Call& call) const { return enough_for(call, call.route->name); }
  // The same, of another route.
  Permissions enough_for(const Call& call, std::string_view route) const;
  // Appends to the audit (time and peer are filled in), then goes on; refuses the call (503) if
  // that is not possible.
  void record(const CallPtr& call, AccessRecord record, std::function<void()> then);

  RestDeps deps;
  RestOptions options;
  ErrorTable errors;
  Bounds bounds;
  PermissionTable permissions;
  Documents documents;
  InteractiveTable interactive;
  Router router;
  bool read_all_results;
  RateLimiter calls;
  RateLimiter wrong_secrets;
  OpenViews open_views;

 private:
  Result<void> admit(Call& call);  // authenticate, authorise, limit; refused already on error
  void serve(const CallPtr& call);
  void note_request(Call& call) const;
};

// Answers a list's /$count.
template <typename T>
Done<Page<T>> answer_with_count(Core& core, const CallPtr& call) {
  return [&core, call](Result<Page<T>> page) {
    if (!page) {
      core.refuse(*call, page.error());
      return;
    }
    core.answer_count(*call, page->count.value_or(0));
  };
}

}  // namespace reachback::server::rest
