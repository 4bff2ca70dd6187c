#include <lastlog.h>
#include <sys/stat.h>
#include <utmp.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "agent/builtin/accounts.h"
#include "agent/builtin/commands.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kTableBytesMax = 16 << 20;

// The text of a field of fixed size, which need not end in a NUL.
template <std::size_t N>
std::string text_of(const char (&field)[N]) {
  return {field, ::strnlen(field, N)};
}

// Of the second field of passwd or shadow; what it holds is not told.
std::string password_state(std::string_view field) {
  return field.empty()                                      ? "empty"
         : field.starts_with('!') || field.starts_with('*') ? "locked"
                                                            : "set";
}

class Passwords {
 public:
  Passwords(const System& system, Output& output) {
    if (const auto text = system.text("/etc/shadow", output, kTableBytesMax)) {
      for_each_line(*text, [this](std::size_t, std::string_view line) {
        const auto fields = fields_of(line);
        if (fields.size() > 1) {
          states_.try_emplace(fields[0], password_state(fields[1]));
        }
      });
    }
  }
  // nullopt: it stands in shadow, and that could not be read or does not know the account.
  std::optional<std::string> of(const Account& account) const {
    if (account.password != "x") {
      return password_state(account.password);
    }
    const auto found = states_.find(account.name);
    return found != states_.end() ? std::optional(found->second) : std::nullopt;
  }

 private:
  std::map<std::string, std::string> states_;
};

// Sessions by the name that signed in. nullopt: this machine keeps no such file.
std::optional<std::map<std::string, std::uint32_t>> sessions_of(const System& system,
                                                                Output& output) {
  const auto text = system.text("/run/utmp", output, kTableBytesMax);
  if (!text) {
    return std::nullopt;
  }
  std::map<std::string, std::uint32_t> sessions;
  for (std::size_t at = 0; at + sizeof(struct utmp) <= text->size(); at += sizeof(struct utmp)) {
    struct utmp entry{};
    std::memcpy(&entry, text->data() + at, sizeof entry);
    if (entry.ut_type == USER_PROCESS) {
      ++sessions[text_of(entry.ut_user)];
    }
  }
  return sessions;
}

// The file has a record for each uid, at that place, and holes between them.
class LastSignIns {
 public:
  LastSignIns(const System& system, Output& output) {
    auto found = system.find("/var/log/lastlog");
    auto file = found.ok() ? open_regular(*found) : Result<Fd>(found.error());
    if (file.ok()) {
      file_ = std::move(*file);
    } else if (file.error().code != Errc::not_found) {
      output.note(file.error());
    }
  }
  std::optional<struct lastlog> of(std::uint32_t uid) const {
    struct lastlog entry{};
    const auto size = file_.valid() ? read_at(file_.get(), reinterpret_cast<char*>(&entry),
                                              sizeof entry, std::uint64_t{uid} * sizeof entry)
                                    : Result<std::size_t>(std::size_t{0});
    return size.ok() && *size == sizeof entry && entry.ll_time != 0 ? std::optional(entry)
                                                                    : std::nullopt;
  }

 private:
  Fd file_;
};

// Its own group first.
std::vector<std::string> groups_of(const Account& account, const std::vector<Group>& groups) {
  std::vector<std::string> names;
  for (const Group& group : groups) {
    if (group.gid == account.gid) {
      names.insert(names.begin(), group.name);
    } else if (std::find(group.members.begin(), group.members.end(), account.name) !=
               group.members.end()) {
      names.push_back(group.name);
    }
  }
  return names;
}

}  // namespace

Result<void> list_users(const Request& request, Output& output) {
  const System& system = request.system();
  const auto accounts = read_accounts(system, output);
  const auto groups = read_groups(system, output);
  const Passwords passwords(system, output);
  const auto sessions = sessions_of(system, output);
  const LastSignIns last(system, output);
  for (const Account& account : accounts) {
    std::optional<std::uint32_t> signed_in;
    if (sessions) {
      const auto found = sessions->find(account.name);
      signed_in = found != sessions->end() ? found->second : 0;
    }
    const auto entry = last.of(account.uid);
    const auto seconds = entry ? static_cast<std::uint32_t>(entry->ll_time) : 0;
    output.add(
        Row()
            .add("name", account.name)
            .add("uid", account.uid)
            .add("groups", groups_of(account, groups))
            .add("shell", account.shell)
            .add("home", account.home)
            .add("password", passwords.of(account))
            .add("signed_in", signed_in)
            .add("last_sign_in", entry
                                     ? std::optional(from_micros(std::int64_t{seconds} * 1'000'000))
                                     : std::nullopt)
            .add("last_sign_in_from", entry ? std::optional(text_of(entry->ll_host)) : std::nullopt)
            .add("gid", account.gid)
            .add("comment", account.comment));
  }
  return {};
}

}  // namespace reachback::agent::builtin
