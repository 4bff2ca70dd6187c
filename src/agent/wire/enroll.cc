#include "agent/os_linux/machine.h"
#include "agent/os_linux/state_folder.h"
#include "agent/wire/commands.h"
#include "agent/wire/connect_error.h"
#include "agent/wire/enroll_exchange.h"
#include "agent/wire/enrollment_files.h"
#include "net/http_client.h"

namespace reachback::agent {
namespace {

// Sends one request and waits for its answer.
Result<net::ClientResponse> ask(const net::Origin& origin,
                                std::shared_ptr<net::TlsClientContext> tls,
                                net::ClientRequest request) {
  net::Loop loop;
  Result<net::ClientResponse> out = Error{Errc::unavailable, "no answer"};
  auto client = net::HttpClient::create(loop, origin, std::move(tls));
  client->send(std::move(request), [&](Result<net::ClientResponse> answer) {
    out = std::move(answer);
    loop.stop();
  });
  loop.run();
  return out;
}

}  // namespace

Result<std::string> enroll(const EnrollOptions& options) {
  RB_TRY(make_state_folder(options.state_folder));
  if (is_enrolled(options.state_folder)) {
    return Error{Errc::already_exists,
                 "state folder " + options.state_folder + ": already enrolled"};
  }
  RB_TRY_ASSIGN(Fd lock, lock_state_folder(options.state_folder));
  auto url = net::parse_url(options.server);
  if (!url.ok() || url->origin.scheme != "https") {
    return Error{Errc::invalid_input, "--server " + options.server + ": not an https:// address"};
  }
  Enrollment enrollment;
  RB_TRY_ASSIGN(enrollment.ca_pem, read_file(options.ca_file, 1 << 20));
  auto tls = net::TlsClientContext::create(enrollment.ca_pem, net::TlsVersions::tls13_only);
  if (!tls.ok()) {
    return tls.error().in("--ca " + options.ca_file);
  }
  auto facts = read_machine_facts();
  enrollment.server = options.server;
  enrollment.host_name = options.host_name.empty() ? facts.host_name() : options.host_name;
  RB_TRY_ASSIGN(enrollment.identity.key, make_key(options.state_folder));
  EnrollRequest asked;
  asked.token = options.token;
  asked.host_name = enrollment.host_name;
  asked.facts = facts;
  auto answer = ask(url->origin, std::move(*tls), enroll_request(asked, enrollment.identity.key));
  if (!answer.ok()) {
    return explain_connect_error(answer.error(), options.server, options.ca_file);
  }
  RB_TRY_ASSIGN(enrollment.identity,
                read_enroll_answer(*answer, options.server, enrollment.identity.key));
  RB_TRY(save_enrollment(options.state_folder, enrollment));
  return enrollment.identity.machine.text();
}

}  // namespace reachback::agent
