// Makes SQL of a list's query. The text consists of fixed fragments only: what is asked for is
// bound. So queries of one shape have one text, and one prepared statement serves them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/odata/query.h"
#include "server/store_sqlite/sqlite.h"

namespace reachback::server {

// How a property's value stands in its column.
enum class Encoding {
  plain,  // as it is
  guid,   // text of a GUID: 16 bytes
  hex,    // text in hex digits: their bytes
  // Several texts: rows of a table of their own. `sql` selects from it, up to what is asked of
  // `tag`; ?1 is the tenant.
  list
};

struct Column {
  std::string_view property;
  const char* sql;  // a column, or an expression over some; NULL where the property is null
  Encoding encoding = Encoding::plain;
};

struct ListTable {
  const odata::Entity& entity;
  const char* from;     // "actions"
  const char* row_sql;  // the row of a key, with the columns that read_row wants
  std::span<const Column> columns;
  // " INDEXED BY ...", or nothing where SQLite may choose. few_machines: the query has a scope of
  // few machines.
  const char* (*index)(const odata::Query& query, bool few_machines);
  const char* machine;  // the column with the machine that a row is about; null: it is about none
};

// The tags of a MachineScope, as far as they count for a table: unset, every row.
using ScopeTags = std::optional<std::vector<std::string>>;

struct Bound {
  odata::Value value;  // null, a number or a text
  Encoding encoding = Encoding::plain;
};

struct Compiled {
  std::string sql;
  std::vector<Bound> values;  // the tenant comes before them
};

// The same query, in the form that indexes are found for. What follows wants this form, and no
// filter that is never so: SQLite finds no index for it.
odata::Query for_sql(odata::Query query);

// The keys of the rows that fit, in their order; LIMIT and OFFSET are the last parameters. And how
// many there are.
// Tags: not empty where they are set.
Compiled compile_keys(const ListTable& table, const odata::Query& query, const ScopeTags& tags,
                      bool few_machines);
Compiled compile_count(const ListTable& table, const odata::Query& query, const ScopeTags& tags,
                       bool few_machines);
// The machines with one of the tags, for another statement whose ?1 is the tenant.
Compiled compile_machines_with(const std::vector<std::string>& tags);
// How many they are, up to so many.
Compiled compile_scope_size(const std::vector<std::string>& tags, std::uint64_t up_to);
void bind(Query& query, const Compiled& compiled);

// nullptr: the table has no column for it.
const Column* column_of(const ListTable& table, const odata::Property& property);

}  // namespace reachback::server
