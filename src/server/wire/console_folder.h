// Where the console's files are, and reading them at the start.
#pragma once

#include <string>

#include "base/result.h"
#include "server/console/console_files.h"
#include "server/wire/config.h"

namespace reachback::server {

// Of the program at `program` ("/usr/bin/reachback-server"): share/reachback/console of its prefix;
// for one that was built in a source tree and not installed, build/console or console/dist there.
// Empty: there is none.
std::string default_console_folder(const std::string& program);

// The folder of the settings, or the default one. None there is no error: the console is not
// installed then; and neither is a default folder that cannot be used, which is told in the log.
// Errors: those of ConsoleFiles::load() for a folder that the settings name; corrupt
// (api/limits.json).
Result<ConsoleFiles> load_console(const Config& config);

}  // namespace reachback::server
