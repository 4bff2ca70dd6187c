#include "fleet/enroll.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "agent/os_linux/machine.h"
#include "agent/session/backoff.h"
#include "agent/wire/connect_error.h"
#include "agent/wire/enroll_exchange.h"
#include "fleet/addresses.h"
#include "net/dialer.h"

namespace reachback::fleet {
namespace {

constexpr int kTries = 8;  // of one machine, while the server is too busy

// What those at work share.
struct Desk {
  FleetState& state;
  const EnrollOptions& options;
  Random& random;
  net::Loop& loop;
  pb::Hello::Body facts;
  std::vector<std::size_t> missing;  // the next one last
  std::size_t enrolled = 0;
  std::size_t at_work = 0;
  Result<void> outcome;  // the first error ends it all

  void clerk_done() {
    if (--at_work == 0) {
      loop.stop();
    }
  }
};

// One connection, which enrols whoever is next until nobody is left.
class Clerk {
 public:
  Clerk(Desk& desk, std::unique_ptr<net::Dialer> network, const net::Origin& server)
      : desk_(desk),
        network_(std::move(network)),
        client_(network_->http(server)),
        backoff_(desk.random) {}

  void next() {
    if (!desk_.outcome.ok() || desk_.missing.empty()) {
      desk_.clerk_done();
      return;
    }
    index_ = desk_.missing.back();
    desk_.missing.pop_back();
    key_ = desk_.state.key(index_);
    tries_ = 0;
    ask();
  }

 private:
  void ask() {
    agent::EnrollRequest request;
    request.token = desk_.state.server().token;
    request.host_name = desk_.options.host_name(index_);
    request.facts = desk_.facts;
    client_->send(agent::enroll_request(request, key_),
                  [this](const Result<net::ClientResponse>& answer) { take(answer); });
  }

  void take(const Result<net::ClientResponse>& answer) {
    if (!answer.ok()) {
      failed(agent::explain_connect_error(answer.error(), desk_.state.server().url,
                                          desk_.options.ca_file));
      return;
    }
    auto identity = agent::read_enroll_answer(*answer, desk_.state.server().url, key_);
    if (!identity.ok()) {
      failed(identity.error());
      return;
    }
    auto kept = desk_.state.set_common(*identity);
    if (kept.ok()) {
      kept = desk_.state.set_enrolled(index_);
    }
    if (!kept.ok()) {
      failed(kept.error());
      return;
    }
    ++desk_.enrolled;
    backoff_.reset();
    next();
  }

  void failed(const Error& why) {
    const bool is_busy = why.code == Errc::unavailable || why.code == Errc::timed_out;
    // Where nobody has been enrolled, the address is wrong rather than the server busy.
    if (is_busy && ++tries_ < kTries && desk_.enrolled > 0 && desk_.outcome.ok()) {
      pause_ = desk_.loop.after(backoff_.next(), [this] { ask(); });
      return;
    }
    if (desk_.outcome.ok()) {
      desk_.outcome = why;
    }
    desk_.clerk_done();
  }

  Desk& desk_;
  std::unique_ptr<net::Dialer> network_;
  std::unique_ptr<net::HttpClient> client_;
  agent::Backoff backoff_;
  std::unique_ptr<net::Timer> pause_;
  std::size_t index_ = 0;
  crypto::Ed25519PrivateKey key_;
  int tries_ = 0;
};

}  // namespace

Result<std::size_t> enroll_missing(FleetState& state,
                                   const std::shared_ptr<net::TlsClientContext>& tls,
                                   const EnrollOptions& options, Random& random) {
  net::Loop loop;
  Desk desk{state, options, random, loop, agent::read_machine_facts(), {}, 0, 0, {}};
  for (std::size_t i = options.agents; i > 0; --i) {
    if (!state.is_enrolled(i - 1)) {
      desk.missing.push_back(i - 1);
    }
  }
  if (desk.missing.empty()) {
    return std::size_t{0};
  }
  if (state.server().token.empty()) {
    return Error{Errc::invalid_input,
                 fmt::format("{} of {} agents are not enrolled: --token is needed",
                             desk.missing.size(), options.agents)};
  }
  RB_TRY_ASSIGN(const net::Url url, net::parse_url(state.server().url));
  std::vector<std::unique_ptr<Clerk>> clerks;
  for (std::size_t i = 0; i < std::min(options.at_once, desk.missing.size()); ++i) {
    const std::string from =
        options.sources == 0 ? std::string() : source_address(i, options.sources);
    clerks.push_back(
        std::make_unique<Clerk>(desk, net::make_tls_dialer(loop, tls, from), url.origin));
  }
  desk.at_work = clerks.size();
  for (const auto& clerk : clerks) {
    clerk->next();
  }
  loop.run();
  clerks.clear();
  RB_TRY(desk.outcome);
  return desk.enrolled;
}

}  // namespace reachback::fleet
