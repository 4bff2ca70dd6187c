// -o FILE, and > FILE of the shell: what goes to standard output goes to a file, which has its name
// when it is whole.
#pragma once

#include <string>

#include "base/file.h"
#include "base/result.h"

namespace reachback::cli {

class OutputFile {
 public:
  // Standard output is the file from here on. Errors: io, forbidden, not_found; what to do.
  static Result<OutputFile> begin(const std::string& path);
  OutputFile(OutputFile&&) noexcept = default;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();  // gone, unless it was kept
  // Standard output is what it was; the file has its name.
  Result<void> keep();

 private:
  OutputFile(std::string path, Fd before) : path_(std::move(path)), before_(std::move(before)) {}
  void give_back();
  std::string path_;
  Fd before_;  // standard output as it was
};

}  // namespace reachback::cli
