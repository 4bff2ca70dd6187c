// A line of authorized_keys.
#pragma once

#include <string>
#include <string_view>

namespace reachback::agent::builtin {

// "TYPE COMMENT (OPTIONS)", what of it there is; "not understood" of a line that lets nobody in.
// line: without blanks around it, no comment. What the key lets do is told, the key itself is not.
// Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT: options end at a blank outside of quotes.
std::string detail_of_key(std::string_view line);

}  // namespace reachback::agent::builtin
