// Files of a system that its users write: units, crontabs, lines of passwd, group and
// authorized_keys, udev's rules. What was read, written once more, is read the same; what a line
// hides in quotes is no key of its own. Input: which of them, then the text.
#include <algorithm>

#include "agent/builtin/account_lines.h"
#include "agent/builtin/authorized_key.h"
#include "agent/builtin/cron_line.h"
#include "agent/builtin/text.h"
#include "agent/builtin/udev_rules.h"
#include "agent/builtin/unit_file.h"
#include "fuzz/fuzz.h"

namespace reachback::fuzz {
namespace {

using namespace agent::builtin;

void check_unit(std::string_view text) {
  UnitFile unit;
  unit.add(text);
  UnitFile again;
  for (const char* section : {"Service", "Timer", "Desktop Entry"}) {
    for (const char* key : {"ExecStart", "OnCalendar", "Exec"}) {
      const auto values = unit.values(section, key);
      std::string written = "[" + std::string(section) + "]\n";
      for (const auto& value : values) {
        FUZZ_CHECK(!value.empty() && trimmed(value) == value &&
                   value.find('\n') == std::string::npos);
        // A backslash at its end is kept from continuing the line by one more and an empty line.
        written += std::string(key) + "=" + value + (value.ends_with('\\') ? "\\\n\n" : "\n");
      }
      again.add(written);
      FUZZ_CHECK(again.values(section, key) == values);
      FUZZ_CHECK(unit.value(section, key) == (values.empty() ? "" : values.back()));
    }
  }
  FUZZ_CHECK(timer_settings(unit).size() <= start_settings(unit).size());
  FUZZ_CHECK(exec_of_desktop(text) == unit.value("Desktop Entry", "Exec"));
  // A drop-in that takes a value back, and gives another.
  unit.add("[Service]\nExecStart=\nExecStart=/bin/x\n");
  FUZZ_CHECK(joined(unit.values("Service", "ExecStart")) == "/bin/x");
}

void check_crontab(std::string_view text, const std::string& user) {
  for_each_line(text, [&](std::size_t, std::string_view raw) {
    const auto line = trimmed(raw);
    const auto job = may_be_cron_job(line) ? read_crontab_line(line, user) : std::nullopt;
    if (job) {
      FUZZ_CHECK(!job->command.empty() && (user.empty() ? !job->user.empty() : job->user == user));
      const auto blanks = std::count(job->schedule.begin(), job->schedule.end(), ' ');
      FUZZ_CHECK(blanks == (line.starts_with('@') ? 0 : 4));
      const std::string written =
          job->schedule + " " + (user.empty() ? job->user + " " : "") + job->command;
      FUZZ_CHECK(may_be_cron_job(written));
      const auto again = read_crontab_line(written, user);
      FUZZ_CHECK(again && again->schedule == job->schedule && again->user == job->user &&
                 again->command == job->command);
    }
    const auto daily = read_anacrontab_line(line);
    FUZZ_CHECK(!daily || (!daily->command.empty() && line.ends_with(daily->command)));
  });
}

void check_accounts(std::string_view text) {
  for_each_line(text, [](std::size_t, std::string_view line) {
    if (const auto one = account_of(line)) {
      const auto again = account_of(one->name + ":" + one->password + ":" +
                                    std::to_string(one->uid) + ":" + std::to_string(one->gid) +
                                    ":" + one->comment + ":" + one->home + ":" + one->shell);
      FUZZ_CHECK(again && again->name == one->name && again->password == one->password &&
                 again->uid == one->uid && again->gid == one->gid &&
                 again->comment == one->comment && again->home == one->home &&
                 again->shell == one->shell);
    }
    if (const auto group = group_of(line)) {
      std::string written = group->name + ":x:" + std::to_string(group->gid) + ":";
      for (const auto& member : group->members) {
        FUZZ_CHECK(!member.empty());
        written += member + ",";
      }
      const auto again = group_of(written);
      FUZZ_CHECK(again && again->gid == group->gid && again->members == group->members);
    }
  });
}

// Quoted as sshd and udev have it: no quote or backslash of the text is one of the line.
std::string quoted(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return c == '"' || c == '\\' || c == '\n' || c == '\r'; });
  return "\"" + out + "\\\"" + out + "\"";
}

void check_key(std::string_view text) {
  for_each_line(text, [](std::size_t, std::string_view raw) { (void)detail_of_key(trimmed(raw)); });
  const std::string options = "no-pty,command=" + quoted(text);
  FUZZ_CHECK(detail_of_key(options + "\tsome-type AAAAkey of ann") ==
             "some-type of ann (" + options + ")");
  FUZZ_CHECK(detail_of_key(options + " BBBB AAAAkey").starts_with("BBBB"));
  FUZZ_CHECK(detail_of_key(options) == "not understood");
}

void check_udev(std::string_view text) {
  for (const auto& program : programs_of_udev_rules(text)) {
    FUZZ_CHECK(program.starts_with("RUN") || program.starts_with("PROGRAM") ||
               program.starts_with("IMPORT{program}"));
    FUZZ_CHECK(program.find('"') != std::string::npos);
  }
  const std::string value = quoted(text);
  FUZZ_CHECK(programs_of_udev_rules("ENV{x}=" + value + ", RUN+=" + value + "\\\n,NAME=" + value) ==
             std::vector<std::string>{"RUN+=" + value});
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  switch (in.choice(6)) {
    case 0:
      return check_unit(in.rest());
    case 1:
      return check_crontab(in.rest(), "");
    case 2:
      return check_crontab(in.rest(), "ann");
    case 3:
      return check_accounts(in.rest());
    case 4:
      return check_key(in.rest());
    default:
      return check_udev(in.rest());
  }
}

}  // namespace reachback::fuzz
