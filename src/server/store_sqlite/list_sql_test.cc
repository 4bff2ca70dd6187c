// SQL of lists is made of fixed fragments, one text for one shape, and every property that can be
// asked about has a column.
#include "server/store_sqlite/list_sql.h"

#include <gtest/gtest.h>

#include <set>

#include "server/odata/parser.h"
#include "server/ports/listing.h"
#include "server/store_sqlite/list_columns.h"
#include "server/store_sqlite/schema.h"
#include "testing/conformance_stores.h"
#include "testing/random_query.h"
#include "testing/temporary_folder.h"

namespace reachback::server {
namespace {

std::string sql_of(const ListTable& table, std::string_view filter, std::string_view order = "",
                   const ScopeTags& tags = std::nullopt, bool few_machines = false) {
  const odata::Bounds bounds{100'000, 20, 1000, 1000, 20};
  odata::Query query = odata::everything(table.entity, 0, 10);
  auto parsed = odata::parse_filter(table.entity, filter, bounds);
  EXPECT_TRUE(parsed.ok()) << filter;
  query.filter = parsed ? *parsed : query.filter;
  if (!order.empty()) {
    query.order = *odata::parse_order(table.entity, order, bounds);
  }
  return compile_keys(table, for_sql(std::move(query)), tags, few_machines).sql;
}

TEST(ListSql, every_property_that_can_be_asked_about_has_a_column_and_none_has_two) {
  for (const ListTable* table : {&action_table(), &machine_table(), &library_table()}) {
    std::set<std::string_view> seen;
    for (const odata::Property& property : table->entity.properties) {
      bool asked = property.type != odata::Type::opaque && !property.constant;
      EXPECT_EQ(column_of(*table, property) != nullptr, asked) << property.name;
    }
    for (const Column& column : table->columns) {
      EXPECT_TRUE(seen.insert(column.property).second) << column.property;
      EXPECT_NE(table->entity.find(column.property), nullptr) << column.property;
    }
  }
}

TEST(ListSql, one_shape_is_one_text_whatever_is_asked_for) {
  EXPECT_EQ(
      sql_of(action_table(), "requestor eq 'ann' and status eq 'Failed'"),
      sql_of(action_table(), "REQUESTOR EQ '''); DROP TABLE actions;--' and status eq 'TimeOut'"));
  EXPECT_EQ(sql_of(action_table(), "machineId in ('a','b','c')"),
            sql_of(action_table(), "machineId in ('d','e','f','g')"));
  EXPECT_EQ(sql_of(machine_table(), "machineTags/any(t: t eq 'a')"),
            sql_of(machine_table(), "machineTags/any(other: other eq '\" OR 1')"));
  EXPECT_EQ(sql_of(action_table(), "requestor eq 'ann' and status eq 'Failed'"),
            "SELECT key FROM actions INDEXED BY actions_requestor_status WHERE tenant = ? AND "
            "requestor = ? AND status = ? ORDER BY created DESC, id DESC LIMIT ? OFFSET ?");
}

TEST(ListSql, a_scope_is_in_the_statement_and_takes_few_shapes) {
  using Tags = std::vector<std::string>;
  EXPECT_EQ(sql_of(action_table(), "requestor eq 'ann'", "", Tags{"east"}),
            "SELECT key FROM actions INDEXED BY actions_requestor WHERE tenant = ? AND machine IN "
            "(SELECT machine FROM machine_tags WHERE tenant = ?1 AND tag IN (?)) AND requestor = ? "
            "ORDER BY created DESC, id DESC LIMIT ? OFFSET ?");
  EXPECT_EQ(
      sql_of(machine_table(), "osBuild eq 1", "id", Tags{"a", "b", "c"}),
      "SELECT key FROM machines WHERE tenant = ? AND id IN (SELECT machine FROM machine_tags "
      "WHERE tenant = ?1 AND tag IN (?,?,?,?)) AND os_build = ? ORDER BY id LIMIT ? OFFSET ?");
  EXPECT_EQ(sql_of(action_table(), "status eq 'Failed'", "", Tags{"a", "b", "'; DROP TABLE"}),
            sql_of(action_table(), "status eq 'Failed'", "", Tags{"1", "2", "3", "4"}));
  EXPECT_EQ(sql_of(library_table(), "fileName eq 'a'", "", Tags{"east"}),
            sql_of(library_table(), "fileName eq 'a'"));
  // Few machines: what concerns them is collected, unless something else leaves less.
  struct Case {
    const char* filter;
    const char* many;
    const char* few;
  };
  for (const Case& c : std::vector<Case>{
           {"requestor eq 'a'", "actions_requestor ", "actions_machine "},
           {"type eq 'LiveResponse'", "actions_newest ", "actions_machine "},
           {"status eq 'Failed'", "actions_status ", "actions_machine "},
           {"status eq 'Pending'", "actions_status ", "actions_status "},
           {"machineId eq 'ab'", "actions_machine ", "actions_machine "},
           {"id eq 00000000-0000-4000-8000-0000000a0b0c", "actions_id ", "actions_id "}}) {
    for (bool few : {false, true}) {
      const std::string sql = sql_of(action_table(), c.filter, "", Tags{"east"}, few);
      EXPECT_NE(sql.find(std::string("INDEXED BY ") + (few ? c.few : c.many)), std::string::npos)
          << sql;
    }
  }
}

// Every text of a value is one that no fragment holds: it must not show up.
TEST(ListSql, no_text_of_a_query_is_in_the_sql) {
  testing::SeededRandom random(3);
  odata::Getter marked = [](const odata::Property& property) -> odata::Value {
    switch (property.type) {
      case odata::Type::text:
      case odata::Type::folded_text:
        return std::string("zqx");
      case odata::Type::texts:
        return std::vector<std::string>{"zqx"};
      case odata::Type::guid:
        return std::string("00000000-0000-4000-8000-0000000a0b0c");
      case odata::Type::number:
      case odata::Type::date:
      case odata::Type::boolean:
      case odata::Type::choice:
      case odata::Type::opaque:
        break;
    }
    return std::int64_t{7'777'777};
  };
  for (const ListTable* table : {&action_table(), &machine_table(), &library_table()}) {
    testing::RandomQuery queries(random, table->entity, {marked});
    for (int i = 0; i < 500; ++i) {
      const std::string filter = queries.filter(), sql = sql_of(*table, filter, queries.order());
      for (const char* never : {"zqx", "7777777", "0a0b0c", "DROP", ";", "--", "\""}) {
        EXPECT_EQ(sql.find(never), std::string::npos) << filter << "\n" << sql;
      }
    }
  }
}

TEST(ListSql, the_usual_filters_have_their_index) {
  struct Case {
    const char* filter;
    const char* order;
    const char* index;
  };
  for (const Case& c : std::vector<Case>{
           {"id eq 00000000-0000-4000-8000-0000000a0b0c", "", "actions_id "},
           {"machineId eq 'x' and (status eq 'Pending' or status eq 'InProgress')", "",
            "actions_machine "},
           {"status eq 'Pending' or status eq 'InProgress'", "", "actions_status "},
           {"status ne 'Succeeded' and status ne 'Failed' and status ne 'Cancelled' and status ne "
            "'TimeOut'",
            "", "actions_status "},
           {"status eq 'Failed'", "", "actions_status "},
           {"status eq 'Failed' or status eq 'TimeOut'", "", "actions_newest "},
           {"requestor eq 'a'", "", "actions_requestor "},
           {"requestor eq 'a' and status eq 'Failed'", "", "actions_requestor_status "},
           {"requestor eq 'a' and status eq 'Pending'", "", "actions_status "},
           {"computerDnsName eq 'a'", "", "actions_host "},
           {"externalId eq 'a'", "", "actions_external "},
           {"externalId eq null", "", "actions_newest "},
           {"not (requestor eq 'a')", "", "actions_newest "},
           {"requestor eq 'a' or status eq 'Failed'", "", "actions_newest "},
           {"creationDateTimeUtc gt 2026-01-01Z", "", "actions_newest "},
           {"lastUpdateDateTimeUtc gt 2026-01-01Z", "", "actions_updated "},
           {"lastUpdateDateTimeUtc lt 2026-01-01Z", "", "actions_newest "},
           {"lastUpdateDateTimeUtc lt 2026-01-01Z", "lastUpdateDateTimeUtc", "actions_updated "},
           {"type eq 'LiveResponse'", "", "actions_newest "},
       }) {
    EXPECT_NE(sql_of(action_table(), c.filter, c.order).find(std::string("INDEXED BY ") + c.index),
              std::string::npos)
        << c.filter;
  }
}

// What SQLite makes of it: equality on the whole front of an index, which then gives the order.
TEST(ListSql, the_usual_filters_are_answered_from_an_index_without_sorting) {
  testing::TemporaryFolder folder;
  const std::string path = folder / "db";
  auto db = Db::open(path, Db::Mode::create, "");
  ASSERT_OK(db);
  ASSERT_OK(create_schema(**db, path));
  auto plan = [&db](const std::string& sql) {
    std::string out;
    Query query(**db, "EXPLAIN QUERY PLAN " + sql);
    while (*query.row()) {
      out += std::string(query.bytes_at(3)) + "; ";
    }
    return out;
  };
  struct Case {
    const char* filter;
    const char* plan;
  };
  for (const Case& c : std::vector<Case>{
           {"status eq 'Failed'", "COVERING INDEX actions_status (tenant=? AND status=?); "},
           {"status ne 'Failed'", "COVERING INDEX actions_newest (tenant=?); "},
           {"type eq 'LiveResponse'", "COVERING INDEX actions_newest (tenant=?); "},
           {"status eq 'Failed' and creationDateTimeUtc gt 2026-01-01Z",
            "COVERING INDEX actions_status (tenant=? AND status=? AND created>?); "},
           {"creationDateTimeUtc ge 2026-01-01Z and creationDateTimeUtc lt 2026-02-01Z",
            "COVERING INDEX actions_newest (tenant=? AND created>? AND created<?); "},
           {"machineId eq 'ab'", "COVERING INDEX actions_machine (tenant=? AND machine=?); "},
           {"machineId eq 'ab' and (status eq 'Pending' or status eq 'InProgress')",
            "COVERING INDEX actions_machine (tenant=? AND machine=?); "},
           {"requestor eq 'ann'", "COVERING INDEX actions_requestor (tenant=? AND requestor=?); "},
           {"requestor eq 'ann' and status eq 'Failed' and creationDateTimeUtc gt 2026-01-01Z",
            "COVERING INDEX actions_requestor_status (tenant=? AND requestor=? AND status=? AND "
            "created>?); "},
           {"id eq 00000000-0000-4000-8000-0000000a0b0c", "INDEX actions_id (tenant=? AND id=?); "},
           {"computerDnsName eq 'a'", "COVERING INDEX actions_host (tenant=? AND host=?); "},
           {"externalId eq 'a'",
            "COVERING INDEX actions_external (tenant=? AND external_id=?); "}}) {
    EXPECT_EQ(plan(sql_of(action_table(), c.filter)), std::string("SEARCH actions USING ") + c.plan)
        << c.filter;
  }
  // A scope is looked up by its tags, whatever else is asked.
  const ScopeTags east = std::vector<std::string>{"east", "west"};
  for (bool few : {false, true}) {
    for (const std::string& sql : {sql_of(action_table(), "type eq 'LiveResponse'", "", east, few),
                                   sql_of(action_table(), "status eq 'Failed'", "", east, few),
                                   sql_of(machine_table(), "osBuild eq 1", "", east, few)}) {
      EXPECT_NE(plan(sql).find("SEARCH machine_tags USING PRIMARY KEY (tenant=? AND tag=?"),
                std::string::npos)
          << sql << ": " << plan(sql);
    }
  }
  EXPECT_NE(plan(sql_of(action_table(), "type eq 'LiveResponse'", "", east, true))
                .find("INDEX actions_machine (tenant=? AND machine=?)"),
            std::string::npos);
  EXPECT_EQ(plan(sql_of(machine_table(), "computerDnsName eq 'a'", "id")),
            "SEARCH machines USING INDEX machines_folded_name (tenant=? AND <expr>=?); "
            "USE TEMP B-TREE FOR ORDER BY; ");
}

}  // namespace
}  // namespace reachback::server
