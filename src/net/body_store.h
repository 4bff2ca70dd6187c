// Collects a request body: in memory while it is small, then in an unlinked temporary file.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "net/message.h"

namespace reachback::net {

inline constexpr std::size_t kBodyInMemoryBytesMax = 64 << 10;

class BodyStore {
 public:
  // Errors: storage_full, io.
  Result<void> append(std::string_view bytes);
  // The store is empty afterwards. Errors: io.
  Result<std::shared_ptr<const Body>> finish();

 private:
  std::string memory_;
  Fd file_;
  std::uint64_t file_bytes_ = 0;
};

}  // namespace reachback::net
