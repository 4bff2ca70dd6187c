// Downloads that go on after a cut, and their progress.
#pragma once

#include <functional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "cli/api.h"
#include "cli/progress.h"

namespace reachback::cli {

// Where a link comes from, again when the one before is over.
using Mint = std::function<Result<std::string>()>;

// A link that is there already, and others after it.
Mint beginning_with(std::string link, Mint then);

// All bytes behind the link, each once and in order, over connections that break: what is there is
// kept, the rest asked for (Range). Gives up after a minute without a byte. meter: told how far it
// is; may be null. Errors: as Api::download().
Result<std::uint64_t> fetch_all(Api& api, const Mint& mint, const OnBytes& on_bytes, Meter* meter);

}  // namespace reachback::cli
