// Reads the JSON of a RunScript result as it arrives. The streams in it may be gigabytes: memory
// stays constant.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reachback::cli {

enum class ScriptStream { output, errors };

class ResultFileReader {
 public:
  // Gets the decoded text in pieces, cut anywhere. false ends the reading: feed() fails with
  // timed_out.
  using Sink = std::function<bool(ScriptStream, std::string_view)>;
  explicit ResultFileReader(Sink sink);
  ~ResultFileReader();

  // Members of any order; unknown ones are passed over. Of `script_errors` and `script_error` the
  // first is taken. Errors: corrupt (not one JSON object, or deeper than 16).
  Result<void> feed(std::string_view piece);
  // After the last piece. Errors: corrupt (the object is not complete).
  Result<void> finish();

  std::optional<std::int64_t> exit_code() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reachback::cli
