// The lines of crontabs and anacrontabs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace reachback::agent::builtin {

struct CronLine {
  std::string schedule;  // the fields as they stand, a blank between two, or @reboot and its kin
  std::string user;
  std::string command;
};

// Neither empty, nor a comment, nor the setting of a variable: what it is else is a job, or wrong.
bool may_be_cron_job(std::string_view line);

// line: a job without blanks around it. user: whose it is; "": the line names it.
// nullopt: too few words.
std::optional<CronLine> read_crontab_line(std::string_view line, const std::string& user);
std::optional<CronLine> read_anacrontab_line(std::string_view line);

}  // namespace reachback::agent::builtin
