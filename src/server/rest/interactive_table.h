// api/interactive.json, which is compiled in: the commands of an interactive session.
#pragma once

#include <string_view>

#include "base/result.h"
#include "server/service/command_line.h"

namespace reachback::server::rest {

// Errors: corrupt (names what is wrong; a build that passed its tests has none).
Result<InteractiveTable> load_interactive_table();
// As above, from the text of an interactive.json.
Result<InteractiveTable> parse_interactive_table(std::string_view json);
// The text that is compiled in.
std::string_view interactive_table_text();

}  // namespace reachback::server::rest
