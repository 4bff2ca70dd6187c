// IP addresses as text.
#pragma once

#include <string>
#include <string_view>

namespace reachback {

// The address as inet_ntop() writes it, so that one address has one text; empty: `text` is no IPv4
// or IPv6 address. A zone ("%eth0") is none.
std::string normal_ip(std::string_view text);

// An address of the open Internet: not of this host, of a private network, a link, multicast or a
// reserved block; of an IPv4 address inside an IPv6 one, what that one is. False for no address.
// Source: IANA's special-purpose address registries (RFC 6890).
bool is_public_ip(std::string_view text);

}  // namespace reachback
