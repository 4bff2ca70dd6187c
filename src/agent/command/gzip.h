// A gzip stream made piece by piece, in constant memory. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace reachback::agent {

// The same bytes for the same pieces. Made for speed: what does not get smaller is put in as it
// is. Source: RFC 1952; no name and no time in the header.
class GzipWriter {
 public:
  using Sink = std::function<Result<void>(std::string_view)>;
  explicit GzipWriter(Sink sink);
  ~GzipWriter();

  // Errors: the sink's, unavailable (memory); then no further call.
  Result<void> write(std::string_view piece);
  Result<void> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reachback::agent
