#include "base/bytes.h"
#include "server/store_sqlite/audit_chain.h"
#include "server/store_sqlite/list_columns.h"
#include "server/store_sqlite/list_reader.h"
#include "server/store_sqlite/stores.h"

namespace reachback::server {
namespace {

std::optional<std::string> optional_text(Query& row, int column) {
  return row.null_at(column) ? std::nullopt : std::optional(std::string(row.bytes_at(column)));
}

Result<LibraryFile> read_file(Query& row) {
  LibraryFile f;
  auto tenant = TenantId::from_bytes(row.bytes_at(0));
  auto sha256 = sha256_from_bytes(row.bytes_at(1));
  if (!tenant || !sha256) {
    return Error{Errc::corrupt, "stored library file: damaged row"};
  }
  f.tenant = *tenant;
  f.sha256 = *sha256;
  f.name = row.bytes_at(2);
  f.bytes = static_cast<std::uint64_t>(row.number_at(3));
  f.blob = row.bytes_at(4);
  f.description = optional_text(row, 5);
  f.parameters_description = optional_text(row, 6);
  f.has_parameters = row.number_at(7) != 0;
  f.created_by = row.bytes_at(8);
  f.created = from_micros(row.number_at(9));
  f.updated = from_micros(row.number_at(10));
  return f;
}

Query& bind_file(Query& query, const LibraryFile& f) {
  return query.blob(f.tenant.bytes())
      .blob(as_bytes(f.sha256))
      .text(f.name)
      .number(static_cast<std::int64_t>(f.bytes))
      .text(f.blob)
      .optional_text(f.description)
      .optional_text(f.parameters_description)
      .number(f.has_parameters ? 1 : 0)
      .text(f.created_by)
      .number(to_micros(f.created))
      .number(to_micros(f.updated));
}

Result<std::optional<LibraryFile>> find_folded(Db& db, const TenantId& tenant,
                                               const std::string& folded) {
  Query query(db, "SELECT " RB_FILE_COLUMNS " FROM library_names WHERE tenant = ? AND folded = ?");
  query.blob(tenant.bytes()).text(folded);
  RB_TRY_ASSIGN(bool found, query.row());
  if (!found) {
    return std::optional<LibraryFile>();
  }
  RB_TRY_ASSIGN(LibraryFile f, read_file(query));
  return std::optional<LibraryFile>(std::move(f));
}

Error no_such_file(const std::string& name) {
  return Error{Errc::not_found, "no library file '" + name + "'"};
}

Result<LibraryFile> put_file(Db& db, LibraryFile f, bool replace) {
  std::string folded = to_lower(f.name);
  RB_TRY_ASSIGN(auto present, find_folded(db, f.tenant, folded));
  if (present && (!replace || present->name != f.name)) {
    return Error{Errc::already_exists, "there is a library file '" + present->name + "'"};
  }
  if (present) {
    f.created = present->created;
  }
  {
    // A version is written once: the same bytes again, under whatever name, are the same version.
    Query query(db, "INSERT INTO library_versions(" RB_FILE_COLUMNS
                    ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(tenant, sha256)"
                    " DO NOTHING");
    RB_TRY(bind_file(query, f).run());
  }
  Query query(db, "INSERT INTO library_names(" RB_FILE_COLUMNS
                  ", folded) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                  " ON CONFLICT(tenant, folded) DO UPDATE SET sha256 = excluded.sha256,"
                  " bytes = excluded.bytes, blob = excluded.blob,"
                  " description = excluded.description,"
                  " parameters_description = excluded.parameters_description,"
                  " has_parameters = excluded.has_parameters, created_by = excluded.created_by,"
                  " updated = excluded.updated");
  RB_TRY(bind_file(query, f).text(folded).run());
  AuditRow row;
  row.tenant = f.tenant.bytes();
  row.at = to_micros(f.updated);
  row.kind = present ? "library_replaced" : "library_added";
  row.principal = f.created_by;
  row.object = f.name;
  row.detail = std::to_string(f.bytes) + " bytes, sha256 " + to_hex(as_bytes(f.sha256));
  RB_TRY(append_audit_row(db, row));
  return f;
}

}  // namespace

void SqliteLibrary::put(LibraryFile file, bool replace, Done<LibraryFile> done) {
  writer_.submit<LibraryFile>(
      Space::takes,
      [file = std::move(file), replace](Db& db) { return put_file(db, file, replace); },
      std::move(done));
}

void SqliteLibrary::get(TenantId tenant, std::string name, Done<LibraryFile> done) {
  done(readers_.read<LibraryFile>([&](Db& db) -> Result<LibraryFile> {
    RB_TRY_ASSIGN(auto file, find_folded(db, tenant, to_lower(name)));
    if (!file || file->name != name) {
      return no_such_file(name);
    }
    return std::move(*file);
  }));
}

void SqliteLibrary::version(TenantId tenant, Sha256 sha256, Done<LibraryFile> done) {
  done(readers_.read<LibraryFile>([&](Db& db) -> Result<LibraryFile> {
    Query query(db,
                "SELECT " RB_FILE_COLUMNS " FROM library_versions WHERE tenant = ? AND sha256 = ?");
    query.blob(tenant.bytes()).blob(as_bytes(sha256));
    RB_TRY_ASSIGN(bool found, query.row());
    if (!found) {
      return Error{Errc::not_found, "no library file with SHA-256 " + to_hex(as_bytes(sha256))};
    }
    return read_file(query);
  }));
}

void SqliteLibrary::list(TenantId tenant, odata::Query query, ListBounds bounds,
                         Done<Page<LibraryFile>> done) {
  done(readers_.read<Page<LibraryFile>>([&](Db& db) {
    return read_list<LibraryFile>(db, library_table(), {tenant, {}}, query, bounds, nullptr,
                                  [](Query& row) -> Result<std::optional<LibraryFile>> {
                                    RB_TRY_ASSIGN(LibraryFile f, read_file(row));
                                    return std::optional(std::move(f));
                                  });
  }));
}

void SqliteLibrary::remove(TenantId tenant, std::string name, Done<void> done) {
  writer_.submit_void(
      Space::keeps,
      [tenant, name = std::move(name), now = now_()](Db& db) -> Result<void> {
        RB_TRY(Query(db, "DELETE FROM library_names WHERE tenant = ? AND folded = ? AND name = ?")
                   .blob(tenant.bytes())
                   .text(to_lower(name))
                   .text(name)
                   .run());
        if (db.changed_rows() != 1) {
          return no_such_file(name);
        }
        // Who removed it stands in the file of access records.
        AuditRow row;
        row.tenant = tenant.bytes();
        row.at = to_micros(now);
        row.kind = "library_removed";
        row.object = name;
        return append_audit_row(db, row);
      },
      std::move(done));
}

}  // namespace reachback::server
