#include "server/store_sqlite/audit_chain.h"

#include "crypto/digest.h"

namespace reachback::server {
namespace {

constexpr std::string_view kForm("reachback audit row 1\0", 22);
constexpr std::uint32_t kAbsent = 0xffffffff;

template <typename Number>
void append_number(std::string& out, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff));
  }
}

void append_field(std::string& out, std::string_view bytes) {
  append_number(out, static_cast<std::uint32_t>(bytes.size()));
  out.append(bytes);
}

void append_field(std::string& out, const std::optional<std::string>& bytes) {
  if (bytes) {
    append_field(out, std::string_view(*bytes));
  } else {
    append_number(out, kAbsent);
  }
}

}  // namespace

Sha256 audit_row_hash(const AuditHead& before, const AuditRow& row) {
  std::string bytes(kForm);
  bytes.reserve(256 + row.detail.size());
  append_number(bytes, before.seq + 1);
  bytes.append(as_bytes(before.hash));
  append_field(bytes, std::string_view(row.tenant));
  append_field(bytes, row.action);
  append_number(bytes, row.at);
  for (const std::string* text : {&row.kind, &row.principal, &row.object, &row.detail, &row.result,
                                  &row.token_id, &row.peer_ip}) {
    append_field(bytes, std::string_view(*text));
  }
  append_field(bytes, row.request);
  return crypto::sha256(bytes);
}

Result<AuditHead> audit_head(Db& db) {
  Query query(db, "SELECT seq, hash FROM audit WHERE seq = (SELECT max(seq) FROM audit)");
  RB_TRY_ASSIGN(bool found, query.row());
  if (!found) {
    return AuditHead();
  }
  auto hash = sha256_from_bytes(query.bytes_at(1));
  if (!hash) {
    return Error{Errc::corrupt, "stored audit: damaged row " + std::to_string(query.number_at(0))};
  }
  return AuditHead{static_cast<std::uint64_t>(query.number_at(0)), *hash};
}

Result<void> append_audit_row(Db& db, const AuditRow& row) {
  RB_TRY_ASSIGN(AuditHead head, audit_head(db));
  Sha256 hash = audit_row_hash(head, row);
  auto optional_bytes = [](const std::optional<std::string>& bytes) {
    return bytes ? std::optional<std::string_view>(*bytes) : std::nullopt;
  };
  return Query(db,
               "INSERT INTO audit(seq, tenant, action, at, kind, principal, object, detail, result,"
               " token_id, peer_ip, request, hash) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .number(static_cast<std::int64_t>(head.seq + 1))
      .blob(row.tenant)
      .optional_blob(optional_bytes(row.action))
      .number(row.at)
      .text(row.kind)
      .text(row.principal)
      .text(row.object)
      .text(row.detail)
      .text(row.result)
      .text(row.token_id)
      .text(row.peer_ip)
      .optional_blob(optional_bytes(row.request))
      .blob(as_bytes(hash))
      .run();
}

}  // namespace reachback::server
