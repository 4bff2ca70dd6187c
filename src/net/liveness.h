// Noticing that the other side of a connection has gone without a word: its machine lost power, a
// firewall forgot the connection. For the .cc files of this folder.
#pragma once

#include "base/time.h"

namespace reachback::net {

// What was sent and is not acknowledged for so long breaks the connection (TCP_USER_TIMEOUT); so
// does a peer that takes nothing for so long. Without it the kernel tries again for about 15
// minutes. Source: trust.md F20.
inline constexpr Duration kUnacknowledgedMax = std::chrono::seconds(60);
// A connection on which nothing moves is asked after so long, then at this interval (ours). An
// agent's heartbeat comes oftener, so that an idle agent's connection is never asked.
inline constexpr Duration kQuietBeforeProbe = std::chrono::seconds(60);
inline constexpr Duration kProbeInterval = std::chrono::seconds(10);
inline constexpr int kProbes = 6;

// Sets the above on a TCP socket. Best effort: a socket without them works.
void notice_a_lost_peer(int socket);

}  // namespace reachback::net
