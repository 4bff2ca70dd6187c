// api/permissions.json, and tests/golden/permissions.txt: who may call what in which profile.
#include "server/rest/permissions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "base/file.h"
#include "server/rest/test_routes.h"

namespace reachback::server::rest {
namespace {

using test::World;

constexpr Profile kProfiles[] = {Profile::y2021, Profile::y2025, Profile::y2026};
constexpr const char* kYears[] = {"2021", "2025", "2026"};

std::string when(std::size_t profile, bool strict) {
  return (strict ? "strict-" : "") + std::string(kYears[profile]);
}

std::string names_of(Permissions set, bool delegated) {
  std::string out;
  for (const std::string& name : delegated ? all_scopes() : all_roles()) {
    const Permissions bits = delegated ? permission_of_scope(name) : permission_of_role(name);
    if ((bits & set) != 0) {
      out += (out.empty() ? "" : " ") + name;
    }
  }
  return out;
}

// The lines of permissions.txt: profiles with the same set share a line.
std::string matrix() {
  std::string out;
  for (const Route& route : route_table()) {
    const std::string start = std::string(route.method) + "\t" + std::string(route.path) + "\t";
    if (route.plane != Plane::api) {
      out += start + "public\n";
      continue;
    }
    for (bool delegated : {false, true}) {
      std::vector<std::pair<std::string, std::string>> lines;  // permissions, when
      for (bool strict : {false, true}) {
        for (std::size_t p = 0; p < std::size(kProfiles); ++p) {
          auto table = PermissionTable::load(kProfiles[p], strict);
          EXPECT_TRUE(table.ok()) << table.error().message;
          const RoutePermissions* row = table->find(route.name);
          if (row == nullptr) {
            ADD_FAILURE() << route.name << " has no row";
            return out;
          }
          std::string set = names_of(delegated ? row->delegated : row->application, delegated);
          if (!delegated && row->read_all_results != 0) {
            set += " +results " + names_of(row->read_all_results, delegated);
          }
          auto same = std::find_if(lines.begin(), lines.end(),
                                   [&set](const auto& line) { return line.first == set; });
          if (same == lines.end()) {
            lines.emplace_back(set, when(p, strict));
          } else {
            same->second += " " + when(p, strict);
          }
        }
      }
      for (const auto& [set, profiles] : lines) {
        out += start + (delegated ? "delegated" : "application") + "\t" + profiles + "\t" + set;
        out += "\n";
      }
    }
  }
  return out;
}

std::string golden_text() {
  auto text = read_file(REACHBACK_SOURCE_DIR "/tests/golden/permissions.txt");
  EXPECT_TRUE(text.ok());
  return text ? *text : "";
}

struct Row {
  std::vector<std::string> names, with_results;
};
// By route, who and when.
std::map<std::string, Row> golden_rows() {
  std::map<std::string, Row> out;
  std::istringstream file(golden_text());
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') {
      continue;
    }
    std::vector<std::string> cells;
    std::istringstream tabs(line);
    for (std::string cell; std::getline(tabs, cell, '\t');) {
      cells.push_back(cell);
    }
    const std::string route = cells[0] + " " + cells[1];
    if (cells[2] == "public") {
      out[route + " public"] = {};
      continue;
    }
    Row row;
    bool results = false;
    std::istringstream words(cells[4]);
    for (std::string word; words >> word;) {
      if (word == "+results") {
        results = true;
      } else {
        (results ? row.with_results : row.names).push_back(word);
      }
    }
    std::istringstream profiles(cells[3]);
    for (std::string profile; profiles >> profile;) {
      EXPECT_TRUE(out.emplace(route + " " + cells[2] + " " + profile, row).second) << line;
    }
  }
  return out;
}

bool holds(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

TEST(PermissionMatrix, TheGoldenFileHoldsAllThatTheTableSays) {
  std::string golden;
  std::istringstream file(golden_text());
  for (std::string line; std::getline(file, line);) {
    golden += line.starts_with('#') ? "" : line + "\n";
  }
  const std::string text = matrix();
  EXPECT_TRUE(golden == text) << "tests/golden/permissions.txt would have to be:\n" << text;
}

// Each permission alone, at each route, in each profile, strict or not, of an application or a
// user, with and without the switch for results.
TEST(PermissionMatrix, EveryPermissionOpensExactlyTheRoutesOfTheGoldenFile) {
  const auto rows = golden_rows();
  std::size_t opened = 0, closed = 0;
  for (std::size_t p = 0; p < std::size(kProfiles); ++p) {
    for (int variant = 0; variant < 4; ++variant) {
      auto options = World::without_rates();
      options.profile = kProfiles[p];
      options.strict = (variant & 1) != 0;
      options.read_all_results = (variant & 2) != 0;
      World world(options);
      for (const Route& route : route_table()) {
        if (route.plane != Plane::api) {
          continue;
        }
        for (bool delegated : {false, true}) {
          const std::string key = test::name_of(route) +
                                  (delegated ? " delegated " : " application ") +
                                  when(p, options.strict);
          auto row = rows.find(key);
          ASSERT_NE(row, rows.end()) << key;
          for (const std::string& name : delegated ? all_scopes() : all_roles()) {
            const bool may = holds(row->second.names, name) ||
                             (*options.read_all_results && holds(row->second.with_results, name));
            const int status = test::status_with(world, route, (delegated ? "user:" : "") + name);
            ASSERT_EQ(status != 403, may) << key << " with " << name << ": " << status;
            ASSERT_NE(status, 401) << key;
            ASSERT_LT(status, 500) << key;
            ++(may ? opened : closed);
          }
        }
      }
    }
  }
  EXPECT_GT(opened, 1000u);
  EXPECT_GT(closed, 5000u);
}

TEST(PermissionMatrix, WithoutAPermissionNoServiceIsReached) {
  const auto rows = golden_rows();
  World world(World::without_rates());
  for (const Route& route : route_table()) {
    const std::string name = test::name_of(route);
    if (route.plane != Plane::api) {
      EXPECT_EQ(rows.count(name + " public"), 1u) << name;
      const int status = test::status_with(world, route, "");
      EXPECT_TRUE(status == 200 || status == 400) << name << " " << status;
      continue;
    }
    EXPECT_EQ(test::status_with(world, route, ""), 401) << name;
    EXPECT_EQ(test::status_with(world, route, "rubbish"), 401) << name;
    EXPECT_EQ(test::status_with(world, route, "elsewhere"), 403) << name;
    EXPECT_EQ(test::status_with(world, route, "Nothing.At.All"), 403) << name;
    EXPECT_EQ(test::status_with(world, route, "user:Nothing.At.All"), 403) << name;
  }
  EXPECT_EQ(world.live.touched(), 0);
}

// What applications may do without strict does not depend on the profile, but for the default of
// the switch; and strict never gives more.
TEST(PermissionTable, StrictGivesLessAndOnlyStrictDependsOnTheProfile) {
  auto first = PermissionTable::load(Profile::y2021, false);
  ASSERT_TRUE(first.ok());
  bool less = false;
  for (Profile profile : kProfiles) {
    auto wide = PermissionTable::load(profile, false),
         narrow = PermissionTable::load(profile, true);
    ASSERT_TRUE(wide.ok() && narrow.ok());
    for (const auto& [route, set] : wide->all()) {
      EXPECT_EQ(set.application, first->find(route)->application) << route;
      EXPECT_EQ(set.delegated, first->find(route)->delegated) << route;
      const RoutePermissions* strict = narrow->find(route);
      ASSERT_NE(strict, nullptr) << route;
      EXPECT_EQ(strict->application & ~set.application, 0u) << route;
      EXPECT_EQ(strict->delegated & ~set.delegated, 0u) << route;
      EXPECT_EQ(strict->read_all_results, 0u) << route;
      less = less || strict->application != set.application;
    }
  }
  EXPECT_TRUE(less);
}

// Source: MDE, the permissions of each page; docs/compatibility.md.
TEST(PermissionTable, HasThePinnedRowsOfTheDocuments) {
  struct Pin {
    Profile profile;
    const char* route;
    const char* application;
    const char* delegated;
  };
  for (const Pin& pin : std::vector<Pin>{
           {Profile::y2021, "actions.link", "Machine.LiveResponse", "Machine.LiveResponse"},
           {Profile::y2025, "actions.link", "Machine.ReadWrite.All", "Machine.LiveResponse"},
           {Profile::y2026, "actions.link", "Machine.ReadWrite.All", "Machine.LiveResponse"},
           {Profile::y2025, "actions.get", "Machine.Read.All Machine.ReadWrite.All",
            "Machine.Read Machine.ReadWrite"},
           {Profile::y2026, "actions.get", "Machine.ReadWrite.All", "Machine.ReadWrite"},
           {Profile::y2026, "machines.get", "Machine.ReadWrite.All", "Machine.ReadWrite"},
           {Profile::y2026, "machines.list", "Machine.Read.All Machine.ReadWrite.All",
            "Machine.Read Machine.ReadWrite"},
           {Profile::y2021, "actions.package", "Machine.CollectForensics",
            "Machine.CollectForensics"},
           {Profile::y2026, "actions.package", "Machine.ReadWrite.All", "Machine.CollectForensics"},
           {Profile::y2026, "machines.run", "Machine.LiveResponse", "Machine.LiveResponse"},
           {Profile::y2026, "alerts.list", "Alert.Read.All Alert.ReadWrite.All",
            "Alert.Read Alert.ReadWrite"}}) {
    auto table = PermissionTable::load(pin.profile, /*strict=*/true);
    ASSERT_TRUE(table.ok());
    const RoutePermissions* row = table->find(pin.route);
    ASSERT_NE(row, nullptr) << pin.route;
    EXPECT_EQ(names_of(row->application, false), pin.application) << pin.route;
    EXPECT_EQ(names_of(row->delegated, true), pin.delegated) << pin.route;
  }
}

TEST(PermissionTable, AFileWithAMistakeIsRefusedByName) {
  auto error = [](const std::string& rows) {
    auto table =
        PermissionTable::parse(R"({"routes":[)" + rows + "]}", Profile::y2026, /*strict=*/true);
    return table ? std::string() : table.error().message;
  };
  const std::string start = R"({"route":"a","source":"x","application":["Machine.Read.All"],)"
                            R"("delegated":["Machine.Read"])";
  EXPECT_EQ(error(start + "}"), "");
  struct Case {
    std::string rows, word;
  };
  for (const Case& c : std::vector<Case>{
           {start + "}," + start + "}", "twice"},
           {R"({"route":"a","application":["Machine.Read.All"],"delegated":["Machine.Read"]})",
            "source"},
           {R"({"route":"a","source":"x","application":["Machine.Read"],"delegated":[]})",
            "Machine.Read\""},
           {R"({"route":"a","source":"x","application":[],"delegated":["Machine.Read"]})",
            "application"},
           {R"({"route":"a","source":"x","application":["Machine.Read.All"]})", "delegated"},
           {start + R"(,"strict":{"users":["Machine.Read"]}})", "users"},
           {start + R"(,"strict":{"application":["Machine.ReadWrite.All"]}})", "otherwise"},
           {start + R"(,"strict":{"application":{"2021":["Machine.Read.All"]}}})", "each profile"},
           {start + R"(,"read_all_results":"Machine.Read.All"})", "read_all_results"},
           {"7", "routes"}}) {
    EXPECT_NE(error(c.rows).find(c.word), std::string::npos) << c.rows << ": " << error(c.rows);
  }
  EXPECT_FALSE(PermissionTable::parse("{}", Profile::y2026, false).ok());
  EXPECT_FALSE(PermissionTable::parse("", Profile::y2026, false).ok());
}

}  // namespace
}  // namespace reachback::server::rest
