#include "server/wire/signer.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "base/time.h"
#include "server/signer/signer_server.h"

namespace reachback::server {

Result<void> sign_until_signal(const SignOptions& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_DUMPABLE, 0);  // no core file with a key in it, and no debugger of this user
  SystemClock clock;
  RB_TRY_ASSIGN(auto keyring, OrderKeyring::open(options.keys));
  RB_TRY_ASSIGN(auto log,
                SignerLog::open(options.log.empty() ? options.keys + "/signed.log" : options.log));
  std::atomic<bool> broken{false};
  RB_TRY_ASSIGN(auto server,
                SignerServer::start(
                    SignerServerOptions{options.socket, {options.uids.begin(), options.uids.end()}},
                    *keyring, *log, clock, [&broken] {
                      broken = true;
                      ::kill(::getpid(), SIGTERM);
                    }));
  std::printf("signing %s\n", options.socket.c_str());
  std::fflush(stdout);
  int received = 0;
  sigwait(&signals, &received);
  return broken ? Result<void>(Error{Errc::io, "the log of what is signed cannot be written"})
                : Result<void>();
}

}  // namespace reachback::server
