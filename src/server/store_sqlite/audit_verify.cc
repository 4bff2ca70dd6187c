#include "server/store_sqlite/audit_verify.h"

#include <algorithm>

#include "server/store_sqlite/audit_chain.h"
#include "server/store_sqlite/schema.h"

namespace reachback::server {
namespace {

struct StoredRow {
  std::uint64_t seq = 0;
  AuditRow row;
  std::string hash;
};

std::optional<std::string> optional_bytes(Query& query, int column) {
  return query.null_at(column) ? std::nullopt : std::optional<std::string>(query.bytes_at(column));
}

StoredRow read_row(Query& query) {
  StoredRow out;
  out.seq = static_cast<std::uint64_t>(query.number_at(0));
  out.row.tenant = query.bytes_at(1);
  out.row.action = optional_bytes(query, 2);
  out.row.at = query.number_at(3);
  int column = 4;
  for (std::string* text : {&out.row.kind, &out.row.principal, &out.row.object, &out.row.detail,
                            &out.row.result, &out.row.token_id, &out.row.peer_ip}) {
    *text = query.bytes_at(column++);
  }
  out.row.request = optional_bytes(query, 11);
  out.hash = query.bytes_at(12);
  return out;
}

// Moves the head to the row; or says what is wrong with it.
std::optional<AuditRowsReport::Problem> follow(const StoredRow& stored, AuditHead& head) {
  const std::uint64_t expected = head.seq + 1;
  if (stored.seq != expected) {
    return AuditRowsReport::Problem{expected, "row " + std::to_string(expected) +
                                                  " is missing; row " + std::to_string(stored.seq) +
                                                  " stands there"};
  }
  Sha256 hash = audit_row_hash(head, stored.row);
  if (stored.hash != as_bytes(hash)) {
    return AuditRowsReport::Problem{
        expected,
        "the row does not fit its hash or the row before it: one of them was changed, put in place "
        "of another or moved"};
  }
  head = AuditHead{stored.seq, hash};
  return std::nullopt;
}

}  // namespace

Result<AuditRowsReport> verify_audit_rows(const std::string& database,
                                          std::vector<AuditHead> kept) {
  RB_TRY_ASSIGN(auto db, Db::open(database, Db::Mode::read_only, ""));
  db->no_checkpoint_on_close();
  RB_TRY_ASSIGN(auto application, db->number("PRAGMA application_id"));
  RB_TRY_ASSIGN(auto version, db->number("PRAGMA user_version"));
  if (application != kApplicationId || version != kSchemaVersion) {
    return Error{Errc::corrupt, "open database " + database +
                                    ": not a database of this version; `serve` brings an older one "
                                    "up to date"};
  }
  return verify_audit_rows(*db, std::move(kept));
}

Result<AuditRowsReport> verify_audit_rows(Db& db, std::vector<AuditHead> kept) {
  std::sort(kept.begin(), kept.end(),
            [](const AuditHead& a, const AuditHead& b) { return a.seq < b.seq; });
  auto next_kept = kept.begin();
  AuditRowsReport report;
  Query query(db,
              "SELECT seq, tenant, action, at, kind, principal, object, detail, result, token_id,"
              " peer_ip, request, hash FROM audit ORDER BY seq");
  while (true) {
    for (; next_kept != kept.end() && next_kept->seq == report.head.seq; ++next_kept) {
      if (*next_kept != report.head) {
        report.problem = {next_kept->seq, "the row is not the one whose hash was kept"};
        return report;
      }
    }
    RB_TRY_ASSIGN(bool found, query.row());
    if (!found) {
      break;
    }
    report.problem = follow(read_row(query), report.head);
    if (report.problem) {
      return report;
    }
    ++report.rows;
  }
  if (next_kept != kept.end()) {
    report.problem = {report.head.seq + 1, "the end is missing: there were " +
                                               std::to_string(kept.back().seq) + " rows"};
  }
  return report;
}

}  // namespace reachback::server
