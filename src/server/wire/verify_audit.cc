#include "server/wire/verify_audit.h"

#include "server/audit_file/verify.h"
#include "server/store_sqlite/audit_verify.h"
#include "server/wire/head_export.h"

namespace reachback::server {
namespace {

constexpr std::uint64_t kHeadsFileBytesMax = 1u << 30;

Result<std::vector<AuditHeads>> read_heads(const std::string& path) {
  if (path.empty()) {
    return std::vector<AuditHeads>();
  }
  RB_TRY_ASSIGN(std::string text, read_file(path, kHeadsFileBytesMax));
  auto heads = parse_heads(text);
  if (heads.empty()) {
    return Error{Errc::invalid_input, path + ": holds no exported audit heads"};
  }
  return heads;
}

}  // namespace

Result<AuditSummary> verify_audit(const DataPaths& paths, const std::string& heads_file) {
  RB_TRY_ASSIGN(auto exported, read_heads(heads_file));
  std::vector<AuditHead> of_file, of_database;
  for (const AuditHeads& heads : exported) {
    of_file.push_back(heads.file);
    of_database.push_back(heads.database);
  }
  RB_TRY_ASSIGN(VerifyReport file, verify_audit_file(paths.audit(), of_file));
  AuditSummary out;
  out.file_records = file.records;
  out.links = file.database_heads.size();
  out.kept = exported.size();
  if (file.problem && !file.problem->torn_tail) {
    return Error{Errc::corrupt, paths.audit() + ": line " + std::to_string(file.problem->line) +
                                    " (byte " + std::to_string(file.problem->offset) +
                                    "): " + file.problem->what};
  }
  out.torn_tail = file.problem.has_value();
  // Read after the file: every head in it was on disk before.
  of_database.insert(of_database.end(), file.database_heads.begin(), file.database_heads.end());
  RB_TRY_ASSIGN(AuditRowsReport rows, verify_audit_rows(paths.database(), std::move(of_database)));
  out.database_rows = rows.rows;
  if (rows.problem) {
    return Error{Errc::corrupt, paths.database() + ": audit row " +
                                    std::to_string(rows.problem->seq) + ": " + rows.problem->what};
  }
  return out;
}

}  // namespace reachback::server
