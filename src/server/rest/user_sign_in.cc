#include "server/rest/user_sign_in.h"

#include <set>

#include "base/log.h"

namespace reachback::server::rest {
namespace {

constexpr std::size_t kPairsMax = 64;
constexpr std::size_t kUserNameBytesMax = 256;

Error too_many() {
  return Error{Errc::too_many_requests, "Too many wrong tries, try again later"};
}

}  // namespace

Result<Pairs> page_parameters(const Call& call) {
  if (call.request().method == "GET") {
    return call.query;
  }
  auto form = parse_pairs(call.content(), kPairsMax);
  if (!form) {
    return Error{Errc::invalid_request, "The form is malformed: " + form.error().message};
  }
  std::set<std::string> names;
  for (const auto& [name, value] : *form) {
    if (!names.insert(to_lower(name)).second) {
      return Error{Errc::invalid_request, "The form has a parameter twice"};
    }
  }
  return form;
}

std::string_view parameter(const Pairs& parameters, std::string_view name) {
  auto values = values_of(parameters, name);
  return values.empty() ? std::string_view() : values.front();
}

bool is_from_elsewhere(const Call& call) {
  auto site = call.request().headers.get("Sec-Fetch-Site");
  return site && *site != "same-origin";
}

void check_user(Core& core, const CallPtr& call, const TenantId& tenant, const Pairs& form,
                Done<User> done) {
  std::string name(parameter(form, "username").substr(0, kUserNameBytesMax));
  const std::string by_name = tenant.text() + "\nuser\n" + to_lower(name);
  const std::string by_address = by_name + '\n' + call->request().peer_ip;
  // Of whatever names: each try costs a tenth of a second of the one thread that checks.
  const std::string by_peer = "any user\n" + call->request().peer_ip;
  const Duration now = core.deps.clock.since_boot();
  // Counted before it is checked: many at once are many.
  if (core.wrong_secrets.decide(by_address, core.bounds.password_tries, now) ||
      core.wrong_secrets.peek(by_name, core.bounds.wrong_passwords_of_user, now) ||
      core.wrong_secrets.peek(by_peer, core.bounds.wrong_passwords_of_user, now)) {
    core.deps.refusals.note(tenant, "sign_in_refused", call->request().peer_ip);
    done(too_many());
    return;
  }
  UserCredentials credentials{std::move(name), Secret(std::string(parameter(form, "password"))),
                              Secret(std::string(parameter(form, "otp")))};
  core.deps.user_access.sign_in.check(
      tenant, std::move(credentials),
      [&core, call, tenant, by_name, by_address, by_peer,
       done = std::move(done)](Result<User> user) {
        if (!user && user.error().code == Errc::invalid_grant) {
          const Duration at = core.deps.clock.since_boot();
          core.wrong_secrets.record(by_name, core.bounds.wrong_passwords_of_user, at);
          core.wrong_secrets.record(by_peer, core.bounds.wrong_passwords_of_user, at);
          core.deps.refusals.note(tenant, "sign_in_refused", call->request().peer_ip);
          if (core.wrong_secrets.peek(by_address, core.bounds.password_tries, at)) {
            log_warning("many wrong passwords", {field("peer", call->request().peer_ip)});
          }
        }
        done(std::move(user));
      });
}

PageError page_error(const Error& error) {
  switch (error.code) {
    case Errc::too_many_requests:
      return {429, error.message + "."};
    case Errc::invalid_grant:
      return {400, error.message + "."};
    default:
      return {503, "The service is not available now, try again."};
  }
}

}  // namespace reachback::server::rest
