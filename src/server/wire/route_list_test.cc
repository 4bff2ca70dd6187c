#include "server/wire/route_list.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"

namespace reachback::server {
namespace {

std::vector<RouteRow> rows() {
  auto all = all_routes(rest::Profile::y2026);
  EXPECT_TRUE(all.ok());
  return all ? *all : std::vector<RouteRow>();
}

TEST(RouteList, is_the_golden_one) {
  std::string text = "# listener, method, path, plane, credential, body bytes at most, rate\n";
  for (const RouteRow& row : rows()) {
    text += route_text(row) + "\n";
  }
  auto golden = read_file(REACHBACK_SOURCE_DIR "/tests/golden/routes.txt");
  EXPECT_TRUE(golden.ok() && *golden == text) << "tests/golden/routes.txt would have to be:\n"
                                              << text;
}

TEST(RouteList, T01_a_row_that_lacks_something_stops_the_start) {
  auto good = rows();
  EXPECT_EQ(broken_row(good), "");
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i].credential.clear();
    EXPECT_NE(broken_row(bad), "");
    bad = good;
    bad[i].rate.clear();
    EXPECT_NE(broken_row(bad), "");
    bad = good;
    bad[i].credential = "none";
    EXPECT_EQ(broken_row(bad).empty(), good[i].credential == "none") << good[i].path;
    bad = good;
    bad.push_back(good[i]);
    EXPECT_NE(broken_row(bad), "");
  }
}

// T03: nothing is served on both listeners but links, and no bearer token opens anything there.
TEST(RouteList, T03_the_two_listeners_share_links_and_nothing_else) {
  for (const RouteRow& row : rows()) {
    bool agents = row.listener == RouteRow::Listener::agents;
    EXPECT_EQ(row.plane == "agent" || (row.plane == "blob" && agents), agents) << row.path;
    EXPECT_FALSE(agents && row.credential.starts_with("bearer")) << row.path;
    EXPECT_FALSE(!agents && row.credential == "write link") << row.path;
  }
}

}  // namespace
}  // namespace reachback::server
