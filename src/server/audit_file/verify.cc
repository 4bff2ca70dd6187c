#include "server/audit_file/verify.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

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

// Compares the heads that were kept with the records as they are read, in order.
class KeptHeads {
 public:
  explicit KeptHeads(std::vector<AuditHead> kept) : kept_(std::move(kept)) {
    std::sort(kept_.begin(), kept_.end(),
              [](const AuditHead& a, const AuditHead& b) { return a.seq < b.seq; });
    while (next_ < kept_.size() && kept_[next_].seq == 0) {
      ++next_;  // of an empty file
    }
  }
  // False: another record than the kept one stands at `head`.
  bool fits(const AuditHead& head) {
    for (; next_ < kept_.size() && kept_[next_].seq <= head.seq; ++next_) {
      if (kept_[next_].seq == head.seq && kept_[next_] != head) {
        return false;
      }
    }
    return true;
  }
  // The newest one that was not met.
  std::optional<std::uint64_t> missing() const {
    return next_ < kept_.size() ? std::optional(kept_.back().seq) : std::nullopt;
  }

 private:
  std::vector<AuditHead> kept_;
  std::size_t next_ = 0;
};

// A field that holds a quote is escaped, so these bytes are the key and its value.
void note_database_head(std::string_view line, std::vector<AuditHead>& heads) {
  constexpr std::string_view kObject = "\"object\":\"";
  static const std::string kind = ",\"kind\":\"" + std::string(kDatabaseHeadKind) + "\"";
  if (line.find(kind) == std::string_view::npos) {
    return;
  }
  auto at = line.find(kObject);
  if (at == std::string_view::npos) {
    return;
  }
  line.remove_prefix(at + kObject.size());
  if (auto head = parse_audit_head(line.substr(0, line.find('"')))) {
    heads.push_back(*head);
  }
}

}  // namespace

Result<VerifyReport> verify_audit_file(const std::string& path, std::vector<AuditHead> kept,
                                       const AuditCheckpoint& from) {
  RB_TRY_ASSIGN(Fd fd, open_file(path, O_RDONLY));
  off_t end = ::lseek(fd.get(), 0, SEEK_END);
  if (end < 0) {
    return errno_error("seek", path);
  }
  auto size = static_cast<std::uint64_t>(end);
  VerifyReport report;
  report.records = from.head.seq;
  report.good_bytes = from.bytes;
  report.head = from.head;
  KeptHeads heads(std::move(kept));
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
      std::string_view line = rest.substr(0, newline);
      std::string why = follow_audit_line(line, report.head);
      if (why.empty() && !heads.fits(report.head)) {
        why = "the record is not the one whose hash was kept";
      }
      if (!why.empty()) {
        report.problem = {report.records + 1, report.good_bytes, why, false};
        break;
      }
      report.records += 1;
      report.good_bytes += newline + 1;
      note_database_head(line, report.database_heads);
      rest.remove_prefix(newline + 1);
    }
  }
  if (report.problem) {
    RB_TRY_ASSIGN(report.problem->torn_tail, is_torn(fd.get(), report.good_bytes, size));
  }
  if (auto missing = heads.missing(); missing && (!report.problem || report.problem->torn_tail)) {
    report.problem = {report.records + 1, report.good_bytes,
                      "the end is missing: there were " + std::to_string(*missing) + " records",
                      false};
  }
  return report;
}

}  // namespace reachback::server
