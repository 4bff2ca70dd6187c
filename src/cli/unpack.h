// GetFile's result comes as a gzip stream or as the file's own bytes, as the server is set; a file
// may be a gzip stream itself. So the hash that the machine reported decides.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/file.h"
#include "base/result.h"

namespace reachback::cli {

// Makes `file`, whose bytes were downloaded, the file with this hash: as it is, or unpacked.
// scratch: a file that is open for writing, empty. Which of the two holds the bytes now.
// Constant memory. Errors: mismatch (neither has it), io, storage_full.
enum class Holder { file, scratch };
Result<Holder> unpack(const Fd& file, const Fd& scratch, const Sha256& wanted);

}  // namespace reachback::cli
