// The file that a GetFile read: from the machine's word of it to the whole file in its place.
// Shared by `get` and `shell`.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "cli/api.h"
#include "cli/fields.h"
#include "cli/progress.h"

namespace reachback::cli {

// What the machine said of the file that it read; nothing when it read none.
std::optional<Fields> fetched_file(const Fields& action);

enum class Existing { replaced, kept };  // a file of the name that the new one is to have

// file: "-" for standard output; else its parts stand beside it until it is whole and has the hash
// that the machine told. meter: may be null. Errors: already_exists (and is to be kept), mismatch,
// protocol (no hash), io, storage_full, as Api::download().
Result<void> fetch_file(Api& api, const Fields& about, const ActionId& id, const std::string& file,
                        Existing existing, Meter* meter);

// {"path","size","sha256","saved"}
std::string file_json(const Fields& about, const std::string& saved);
// "N bytes of PATH, SHA-256 …"
std::string describe_file(const Fields& about);

}  // namespace reachback::cli
