#include "net/liveness.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace reachback::net {
namespace {

void set(int socket, int level, int option, std::int64_t value) {
  const int number = static_cast<int>(value);
  ::setsockopt(socket, level, option, &number, sizeof number);
}

std::int64_t seconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::seconds>(d).count();
}

}  // namespace

void notice_a_lost_peer(int socket) {
  set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, seconds(kUnacknowledgedMax) * 1000);
  set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(socket, IPPROTO_TCP, TCP_KEEPIDLE, seconds(kQuietBeforeProbe));
  set(socket, IPPROTO_TCP, TCP_KEEPINTVL, seconds(kProbeInterval));
  set(socket, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
}

}  // namespace reachback::net
