// The few file operations of the journal, so that a test can put a disk under it that loses what
// was not synced. Names without a folder; one folder per layer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reachback::agent {

class LayerFile {
 public:
  virtual ~LayerFile() = default;
  virtual Result<std::string> read_all() = 0;
  virtual Result<void> write_at(std::uint64_t offset, std::string_view bytes) = 0;
  virtual Result<void> sync() = 0;  // bytes and length survive a power loss
};

class FileLayer {
 public:
  virtual ~FileLayer() = default;
  // Errors: not_found.
  virtual Result<std::unique_ptr<LayerFile>> open(const std::string& name) = 0;
  virtual Result<std::unique_ptr<LayerFile>> create(const std::string& name) = 0;   // or empties it
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;  // replaces `to`
  virtual Result<void> link(const std::string& from, const std::string& to) = 0;
  virtual Result<void> sync_names() = 0;
};

// A folder of the machine's file system.
std::unique_ptr<FileLayer> make_file_layer(std::string folder);

}  // namespace reachback::agent
