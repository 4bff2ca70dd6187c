#include "server/audit_file/verify.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/file.h"

namespace reachback::server {
namespace {

constexpr std::size_t kChunkBytes = 1 << 20;
static_assert(kChunkBytes > kAuditLineBytesMax);

// Whether what begins at `offset`, where a record does not fit, is what a power loss leaves.
Result<bool> is_torn(int fd, std::uint64_t offset, std::uint64_t size) {
  if (size - offset > kAuditGroupBytesMax) {
    return false;
  }
  std::string rest(size - offset, '\0');
  RB_TRY_ASSIGN(std::size_t have, read_at(fd, rest.data(), rest.size(), offset));
  rest.resize(have);
  // A record never has a NUL byte: JSON escapes it.
  return rest.find('\n') == std::string::npos || rest.find('\0') != std::string::npos;
}

// A problem of the last record that a kept head knows of.
std::optional<VerifyReport::Problem> compare(const VerifyReport& report, const AuditHead& at_kept,
                                             const AuditHead& kept) {
  if (report.head.seq < kept.seq) {
    return VerifyReport::Problem{
        report.records + 1, report.good_bytes,
        "the end is missing: there were " + std::to_string(kept.seq) + " records", false};
  }
  if (at_kept != kept) {
    return VerifyReport::Problem{kept.seq, 0, "the record is not the one whose hash was kept",
                                 false};
  }
  return std::nullopt;
}

}  // namespace

Result<VerifyReport> verify_audit_file(const std::string& path,
                                       const std::optional<AuditHead>& expected) {
  RB_TRY_ASSIGN(Fd fd, open_file(path, O_RDONLY));
  off_t end = ::lseek(fd.get(), 0, SEEK_END);
  if (end < 0) {
    return errno_error("seek", path);
  }
  auto size = static_cast<std::uint64_t>(end);
  VerifyReport report;
  AuditHead at_kept;
  std::vector<char> chunk(kChunkBytes);
  while (report.good_bytes < size && !report.problem) {
    RB_TRY_ASSIGN(std::size_t have,
                  read_at(fd.get(), chunk.data(), chunk.size(), report.good_bytes));
    std::string_view rest(chunk.data(), have);
    std::size_t newline = rest.find('\n');
    if (newline == std::string_view::npos) {
      report.problem = {report.records + 1, report.good_bytes, "a line without its end", false};
    }
    for (; newline != std::string_view::npos; newline = rest.find('\n')) {
      std::string why = follow_audit_line(rest.substr(0, newline), report.head);
      if (!why.empty()) {
        report.problem = {report.records + 1, report.good_bytes, why, false};
        break;
      }
      report.records += 1;
      report.good_bytes += newline + 1;
      rest.remove_prefix(newline + 1);
      if (expected && report.head.seq == expected->seq) {
        at_kept = report.head;
      }
    }
  }
  if (report.problem) {
    RB_TRY_ASSIGN(report.problem->torn_tail, is_torn(fd.get(), report.good_bytes, size));
  } else if (expected && expected->seq != 0) {
    report.problem = compare(report, at_kept, *expected);
  }
  return report;
}

}  // namespace reachback::server
