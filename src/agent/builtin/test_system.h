// A made-up system in a folder, and what a built-in command tells of it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "agent/builtin/builtin.h"
#include "base/file.h"
#include "json/json.h"
#include "testing/temporary_folder.h"

namespace reachback::agent::builtin {

struct Told {
  int exit_code = -1;
  std::vector<json::Object> rows;
  std::vector<std::string> notes;

  // The value of one property of every row, as JSON.
  std::vector<std::string> all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& row : rows) {
      const auto* value = row.if_contains(name);
      values.push_back(value == nullptr ? "" : json::write(*value));
    }
    return values;
  }
  // The first row whose property is this JSON text; an empty one, and a failure, when there is
  // none.
  json::Object row(std::string_view name, std::string_view value) const {
    for (const auto& row : rows) {
      const auto* found = row.if_contains(name);
      if (found != nullptr && json::write(*found) == value) {
        return row;
      }
    }
    ADD_FAILURE() << "no row has " << name << " " << value;
    return {};
  }
  // Of a row, as JSON; "" when it has no such property.
  static std::string of(const json::Object& row, std::string_view name) {
    const auto* value = row.if_contains(name);
    return value == nullptr ? "" : json::write(*value);
  }
};

inline Told told(const BuiltInOrder& order, const std::string& root) {
  Told out;
  std::string rows, notes;
  out.exit_code = do_built_in(
      order, root, [&](std::string_view text) { rows += text; },
      [&](std::string_view text) { notes += text; });
  const auto each = [](const std::string& text, auto take) {
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      ASSERT_NE(end, std::string::npos) << "a line without an end: " << text.substr(at);
      take(text.substr(at, end - at));
      at = end + 1;
    }
  };
  each(rows, [&](const std::string& line) {
    auto row = json::parse(line);
    ASSERT_TRUE(row.ok() && row->is_object()) << line;
    out.rows.push_back(row->as_object());
  });
  each(notes, [&](const std::string& line) { out.notes.push_back(line); });
  return out;
}

class MadeUpSystem : public ::testing::Test {
 protected:
  std::string in(const std::string& path) const { return folder_.path() + path; }
  void make_folder(const std::string& path) const { std::filesystem::create_directories(in(path)); }
  void write(const std::string& path, std::string_view text = "x", int mode = 0644) const {
    make_folder(path.substr(0, path.rfind('/')));
    ASSERT_TRUE((std::ofstream(in(path)) << text).flush()) << path;
    std::filesystem::permissions(in(path), static_cast<std::filesystem::perms>(mode));
  }
  void link(const std::string& target, const std::string& path) const {
    make_folder(path.substr(0, path.rfind('/')));
    std::filesystem::create_symlink(target, in(path));
  }
  Told tell(std::vector<std::string> words, const std::string& folder = "/",
            std::vector<std::string> roots = {}) const {
    return told({std::move(words), folder, std::move(roots)}, folder_.path());
  }
  reachback::testing::TemporaryFolder folder_;
};

using Texts = std::vector<std::string>;

}  // namespace reachback::agent::builtin
