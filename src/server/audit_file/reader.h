// The audit's file, read backwards in pieces. A position is the offset of a line's first byte.
#pragma once

#include <functional>
#include <string>

#include "server/ports/audit_reader.h"

namespace reachback::server {

class AuditFileReader : public AuditChain {
 public:
  // end: how many bytes are on disk (AuditFile::bytes()).
  AuditFileReader(std::string path, std::function<std::uint64_t()> end)
      : path_(std::move(path)), end_(std::move(end)) {}

  Result<std::uint64_t> end() override { return end_(); }
  Result<AuditPiece> before(std::uint64_t position, std::size_t most) override;

 private:
  const std::string path_;
  const std::function<std::uint64_t()> end_;
};

}  // namespace reachback::server
