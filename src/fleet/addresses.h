// Where simulated agents come from: addresses of 127.0.0.0/8, so that one server port takes more
// connections than a client address has ports, and limits for each address see many. Pure.
#pragma once

#include <cstddef>
#include <string>

namespace reachback::fleet {

inline constexpr std::size_t kSourcesMax = 1 << 22;

// host: of the server. Such addresses reach addresses of 127.0.0.0/8 and no others.
bool takes_loopback_sources(const std::string& host);
// The address of the agent with this index: one of `sources` from 127.16.0.1 on. sources: 1 to
// kSourcesMax.
std::string source_address(std::size_t index, std::size_t sources);

}  // namespace reachback::fleet
