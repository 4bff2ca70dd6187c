#include "agent/wire/network.h"

#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "agent/os_linux/machine.h"
#include "agent/os_linux/network_launcher.h"
#include "agent/os_linux/sandbox.h"
#include "agent/seam/proxy.h"
#include "agent/session/session.h"
#include "agent/wire/loop_events.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "crypto/random.h"
#include "protocol/seam_codec.h"

namespace reachback::agent {
namespace {

constexpr std::uint16_t kHttps = 443;  // blob stores that are not the server's own
constexpr std::uint16_t kNames = 53;
// The name service's files are let in one by one, as they were at the start. Where names do not
// lead to the server for this long, a new process has another look at them.
constexpr Duration kStaleAfter = std::chrono::minutes(5);

class AgingProxy : public SeamProxy {
 public:
  AgingProxy(Channel& channel, Events& events, const Clock& clock,
             std::function<void(const std::string&)> on_end)
      : SeamProxy(channel, events, on_end), clock_(clock), on_end_(std::move(on_end)) {}
  void welcomed() { since_.reset(); }
  void end_session() override {
    SeamProxy::end_session();
    if (!since_) {
      since_ = clock_.since_boot();
    } else if (resolves_names && clock_.since_boot() - *since_ > kStaleAfter) {
      on_end_("not connected for long: starting anew, with the name service's files of now");
    }
  }
  bool resolves_names = false;

 private:
  const Clock& clock_;
  std::function<void(const std::string&)> on_end_;
  std::optional<Duration> since_;
};

bool is_address(const std::string& host) {
  return host.find_first_not_of("0123456789.") == std::string::npos ||
         host.find(':') != std::string::npos;
}

Result<void> serve(pid_t parent) {
  Channel channel(Fd(kSeamFd), nullptr);
  RB_TRY_ASSIGN(const Frame first, channel.wait());
  RB_TRY_ASSIGN(const pb::SeamToNetwork message, protocol::decode_seam_to_network(first.payload));
  const pb::SeamSetup& setup = message.setup();
  RB_TRY_ASSIGN(const net::Url url, net::parse_url(setup.server()));
  RB_TRY_ASSIGN(auto tls,
                net::TlsClientContext::create(setup.ca_pem(), net::TlsVersions::tls13_only));
  RB_ARM_FAILPOINTS();

  SystemClock clock;
  crypto::SystemRandom random;
  net::Loop loop;
  LoopEvents events(loop);
  Result<void> outcome;
  AgingProxy supervisor(channel, events, clock, [&](const std::string& why) {
    outcome = Error{Errc::unavailable, why};
    loop.stop();
  });
  supervisor.resolves_names = !is_address(url.origin.host);

  Sandbox sandbox;
  sandbox.switch_user = setup.switch_user();
  sandbox.uid = setup.uid();
  sandbox.gid = setup.gid();
  sandbox.resolves_names = supervisor.resolves_names;
  sandbox.parent = parent;
  std::uint16_t port = kHttps;
  std::from_chars(url.origin.port.data(), url.origin.port.data() + url.origin.port.size(), port);
  sandbox.ports = {port, kHttps, kNames};
  RB_TRY_ASSIGN(const SandboxLevel level, enter_sandbox(sandbox));
  pb::SeamReady ready;
  ready.set_uid(level.uid);
  ready.set_no_new_privileges(level.no_new_privileges);
  ready.set_system_calls_filtered(level.system_calls_filtered);
  ready.set_landlock(level.landlock);
  supervisor.ready(ready);

  const auto dialer = net::make_tls_dialer(loop, std::move(tls));
  Session session(SessionDeps{*dialer, supervisor, url.origin, random,
                              [&](const MachineId&) { supervisor.welcomed(); },
                              [&] {
                                release_unused_memory();
                                supervisor.idle();
                              },
                              [&](const std::string& why) { supervisor.dismissed(why); }});
  supervisor.start();
  session.start();
  loop.run();
  session.stop();
  return outcome;
}

}  // namespace

int run_network(int argc, char** argv) {
  // The supervisor says when to end, by closing the seam.
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) {
    ::signal(number, SIG_IGN);
  }
  pid_t supervisor = 0;
  if (const std::string_view word = argc > 2 ? argv[2] : ""; !word.empty()) {
    std::from_chars(word.data(), word.data() + word.size(), supervisor);
  }
  const auto served = serve(supervisor);
  if (!served.ok()) {
    log_info("the network process ends", {field("why", served.error().message)});
  }
  // No handler of exit has anything to do here that the sandbox allows.
  ::_exit(0);
}

}  // namespace reachback::agent
