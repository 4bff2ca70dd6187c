// Writes a zip file, entry by entry, in constant memory. Linux only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace reachback::agent::collect {

class ZipWriter {
 public:
  // Goes to the beginning of the file, which must be empty and stays the caller's. A reserve of its
  // disk stays free (command/fetch_file.h).
  explicit ZipWriter(int fd);
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  // After an error of any of these: no further call. Errors: storage_full (DiskFull), io
  // (ReadFailed). name: UTF-8, with '/' between its parts.
  Result<void> begin(const std::string& name, Timestamp modified);
  Result<void> write(std::string_view bytes);
  Result<void> end();
  // The whole file is there.
  Result<void> finish();

  std::uint64_t bytes() const;  // of the file so far

 private:
  struct State;
  Result<void> checked(int code, const char* what) const;
  std::unique_ptr<State> state_;
};

}  // namespace reachback::agent::collect
