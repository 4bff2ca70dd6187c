#include "cli/targets.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "base/bytes.h"
#include "base/file.h"
#include "base/ids.h"
#include "cli/fields.h"
#include "cli/machines.h"

namespace reachback::cli {
namespace {

constexpr std::size_t kTargetsMax = 10'000;
constexpr std::size_t kFileBytesMax = 4 << 20;

Result<std::string> read_input(const std::string& path) {
  if (path != "-") {
    return read_file(path, kFileBytesMax);
  }
  std::string out, piece(64 << 10, '\0');
  for (;;) {
    const ssize_t size = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0) {
      return errno_error("read", "standard input");
    }
    if (size == 0) {
      return out;
    }
    out.append(piece, 0, static_cast<std::size_t>(size));
    if (out.size() > kFileBytesMax) {
      return Error{Errc::too_large, "the list of machines is over 4 MiB: ask for fewer"};
    }
  }
}

bool is_plain(const std::string& name) {
  return !name.empty() && name.size() <= 200 && name.front() != '.' && name.front() != '-' &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "-_.") == std::string::npos;
}

std::string trimmed(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t\r");
  if (from == std::string_view::npos) {
    return {};
  }
  return std::string(text.substr(from, text.find_last_not_of(" \t\r") + 1 - from));
}

class Targets {
 public:
  Result<void> add(const std::string& id, const std::string& name) {
    // It becomes part of a path.
    auto checked = MachineId::parse(id);
    if (!checked) {
      return Error{Errc::protocol, "the server gave '" + id + "' as a machine id: tell its owner"};
    }
    if (seen_.insert(checked->text()).second) {
      list_.push_back({checked->text(), name.empty() ? checked->text() : name, ""});
    }
    if (list_.size() > kTargetsMax) {
      return Error{Errc::too_large, "over 10,000 machines are meant: ask for fewer"};
    }
    return {};
  }
  std::vector<Target> take() { return std::move(list_); }

 private:
  std::vector<Target> list_;
  std::set<std::string> seen_;
};

}  // namespace

std::vector<std::string> read_names(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (std::string name = trimmed(line.substr(0, line.find('#'))); !name.empty()) {
      out.push_back(std::move(name));
    }
    at = end + 1;
  }
  return out;
}

std::string machines_target(const std::vector<std::string>& tags, const std::string& filter) {
  std::string all;
  for (const std::string& tag : tags) {
    std::string quoted;
    for (const char c : tag) {
      quoted += c == '\'' ? "''" : std::string(1, c);
    }
    all += (all.empty() ? "" : " or ") + ("machineTags/any(t: t eq '" + quoted + "')");
  }
  if (!all.empty() && !filter.empty()) {
    all = "(" + all + ") and (" + filter + ")";
  }
  all = all.empty() ? filter : all;
  return all.empty() ? "/api/machines" : "/api/machines?$filter=" + percent_encode(all);
}

void name_folders(std::vector<Target>& targets) {
  std::map<std::string, int> uses;
  for (const Target& target : targets) {
    ++uses[to_lower(target.name)];
  }
  for (Target& target : targets) {
    const bool is_good = is_plain(target.name) && uses[to_lower(target.name)] == 1;
    target.folder = is_good ? target.name : target.id;
  }
}

Result<std::vector<Target>> find_targets(Api& api, const TargetOptions& options) {
  std::vector<std::string> names = options.machines;
  if (!options.file.empty()) {
    auto text = read_input(options.file);
    if (!text) {
      return Error{text.error().code, text.error().message + ": give a file that can be read"};
    }
    const std::vector<std::string> more = read_names(*text);
    names.insert(names.end(), more.begin(), more.end());
  }
  Targets out;
  std::vector<Fields> all;
  for (const std::string& name : names) {
    if (auto id = MachineId::parse(to_lower(name))) {
      RB_TRY(out.add(id->text(), name));
      continue;
    }
    if (all.empty()) {
      RB_TRY_ASSIGN(all, list_all(api, "/api/machines"));
    }
    RB_TRY_ASSIGN(const std::string id, choose_machine(all, name));
    RB_TRY(out.add(id, name));
  }
  if (!options.tags.empty() || !options.filter.empty()) {
    RB_TRY_ASSIGN(const std::vector<Fields> found,
                  list_all(api, machines_target(options.tags, options.filter)));
    for (const Fields& machine : found) {
      RB_TRY(out.add(machine.text("id"), machine.text("computerDnsName")));
    }
  }
  std::vector<Target> targets = out.take();
  if (targets.empty()) {
    return Error{Errc::not_found, "no machine fits: see reachback machines"};
  }
  name_folders(targets);
  return targets;
}

}  // namespace reachback::cli
