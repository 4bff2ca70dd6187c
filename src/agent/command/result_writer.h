// The result file of RunScript: one JSON object, in this order: script_name, exit_code,
// script_output, script_errors, script_error (the older name, same value). Streams of any size go
// through constant memory. Source: MDE "Get live response results"; mde-spec.md §3.3.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace reachback::agent {

struct ScriptOutcome {
  std::string script_name;
  std::int32_t exit_code = 0;
  int stdout_fd = -1;  // files, read from their beginning
  int stderr_fd = -1;
};

struct StreamDigest {
  std::uint64_t bytes = 0;
  Sha256 sha256{};
};

struct WrittenResult {
  std::uint64_t bytes = 0;
  Sha256 sha256{};
  // The JSON carries the stream's very bytes; false: some were not UTF-8 and read U+FFFD, one for
  // each maximal part of a sequence, as the Unicode standard recommends.
  bool stdout_exact = true;
  bool stderr_exact = true;
  // The streams themselves, as they were read.
  StreamDigest stdout_digest, stderr_digest;
};

// Writes at the beginning of out_fd, which must be empty. Errors: storage_full, io.
Result<WrittenResult> write_result(const ScriptOutcome& outcome, int out_fd);

// Length and digest of a file. Errors: io.
Result<WrittenResult> digest_file(int fd);

}  // namespace reachback::agent
