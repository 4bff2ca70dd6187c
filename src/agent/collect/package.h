// One forensic package while it is filled. Linux only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/builtin/system.h"
#include "agent/collect/contents.h"
#include "agent/collect/zip_writer.h"
#include "base/result.h"
#include "crypto/digest.h"

namespace reachback::agent::collect {

class Package {
 public:
  // system, zip: outlive it. root: of the system.
  Package(const builtin::System& system, std::string root, std::vector<std::string> roots,
          ZipWriter& zip);

  // Everything, the list of it and what went wrong last. Errors: those of the zip file.
  Result<void> fill(std::string_view name);

 private:
  struct Entry {
    std::string name;
    std::uint64_t bytes = 0;
    Sha256 sha256{};
  };
  Result<void> begin(const std::string& name, Timestamp modified);
  Result<void> write(std::string_view bytes);
  Result<void> end();
  Result<void> add_text(const std::string& name, std::string_view text);

  Result<void> add_command(const std::string& command);
  Result<void> add_open_files();
  Result<void> add_file(const Wanted& wanted);
  Result<void> copy(int file, std::uint64_t from, std::uint64_t bytes_max, const std::string& path);
  Result<void> add_summary(std::string_view name);
  void note(std::string_view line);

  const builtin::System& system_;
  const std::string root_;
  const std::vector<std::string> roots_;
  ZipWriter& zip_;
  const Timestamp now_;
  builtin::Output output_;  // for notes

  std::vector<Entry> entries_;
  crypto::Sha256Stream hash_;
  std::uint64_t left_;  // of all files
  std::string notes_;
  std::uint64_t not_allowed_ = 0, left_out_ = 0;
};

}  // namespace reachback::agent::collect
