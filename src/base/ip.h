// IP addresses as text.
#pragma once

#include <string>
#include <string_view>

namespace reachback {

// The address as inet_ntop() writes it, so that one address has one text; empty: `text` is no IPv4
// or IPv6 address. A zone ("%eth0") is none.
std::string normal_ip(std::string_view text);

}  // namespace reachback
