// Reading TOML tables so that every refusal names the file, the line and the key.
#pragma once

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace reachback::server {

// "500ms", "30s", "10m", "2h", "3d". Errors: invalid_input.
Result<Duration> parse_duration(std::string_view text);

// "FILE:LINE: ".
inline std::string place_of(const toml::node& node, const std::string& file) {
  return file + ":" + std::to_string(node.source().begin.line) + ": ";
}

// Errors: invalid_input.
inline Result<std::vector<std::string>> list_of_texts(const toml::node& node) {
  Error wrong{Errc::invalid_input, "is not a list of strings"};
  if (!node.is_array()) {
    return wrong;
  }
  std::vector<std::string> out;
  for (const auto& element : *node.as_array()) {
    if (!element.is_string()) {
      return wrong;
    }
    out.push_back(element.as_string()->get());
  }
  return out;
}

// Reads one table: every key must be known; the first problem stops.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string prefix, const std::string& file)
      : table_(table), prefix_(std::move(prefix)), file_(file) {}

  using Setter = std::function<Result<void>(const toml::node&)>;
  void key(std::string name, Setter set) { known_[std::move(name)] = std::move(set); }

  void boolean(const std::string& name, std::function<void(bool)> set) {
    key(name, [set = std::move(set)](const toml::node& n) -> Result<void> {
      if (!n.is_boolean()) {
        return Error{Errc::invalid_input, "is not true or false"};
      }
      set(n.as_boolean()->get());
      return {};
    });
  }
  void text(const std::string& name, std::function<Result<void>(const std::string&)> set) {
    key(name, [set = std::move(set)](const toml::node& n) -> Result<void> {
      if (!n.is_string()) {
        return Error{Errc::invalid_input, "is not a string"};
      }
      return set(n.as_string()->get());
    });
  }
  void texts(const std::string& name, std::vector<std::string>& out) {
    key(name, [&out](const toml::node& n) -> Result<void> {
      RB_TRY_ASSIGN(out, list_of_texts(n));
      return {};
    });
  }
  void number(const std::string& name, std::int64_t low, std::int64_t high,
              std::function<void(std::int64_t)> set) {
    key(name, [low, high, set = std::move(set)](const toml::node& n) -> Result<void> {
      if (!n.is_integer() || n.as_integer()->get() < low || n.as_integer()->get() > high) {
        return Error{Errc::invalid_input, "is not a whole number from " + std::to_string(low) +
                                              " to " + std::to_string(high)};
      }
      set(n.as_integer()->get());
      return {};
    });
  }
  void duration(const std::string& name, std::optional<Duration>& out) {
    text(name, [&out](const std::string& value) -> Result<void> {
      RB_TRY_ASSIGN(out, parse_duration(value));
      return {};
    });
  }
  void table(const std::string& name, std::function<Result<void>(const toml::table&)> read) {
    key(name, [read = std::move(read)](const toml::node& n) -> Result<void> {
      if (!n.is_table()) {
        return Error{Errc::invalid_input, "is not a table"};
      }
      return read(*n.as_table());
    });
  }

  Result<void> read() {
    for (const auto& [name, node] : table_) {
      std::string full = prefix_ + std::string(name.str());
      std::string where = place_of(node, file_);
      auto found = known_.find(std::string(name.str()));
      if (found == known_.end()) {
        where.append("unknown key '").append(full).append("'");
        return Error{Errc::invalid_input, where};
      }
      if (auto set = found->second(node); !set) {
        if (set.error().message.starts_with(file_ + ":")) {
          return set.error();  // Placed already.
        }
        where.append(full).append(" ").append(set.error().message);
        return Error{set.error().code, where};
      }
    }
    return {};
  }

 private:
  const toml::table& table_;
  std::string prefix_;
  const std::string& file_;
  std::map<std::string, Setter> known_;
};

}  // namespace reachback::server
