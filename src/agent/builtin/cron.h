// What cron's files ask for.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/builtin/system.h"

namespace reachback::agent::builtin {

struct CronJob {
  std::string source;    // crontab, cron.d, user crontab, cron.daily, …, anacron
  std::string schedule;  // the fields as they stand, or @reboot and its kin
  std::string user;
  std::string command;
  std::string path;  // FILE:LINE, or FILE
};

// Every job of every file of cron and anacron, in the order of the files.
void for_each_cron_job(const System& system, Output& output,
                       const std::function<void(const CronJob&)>& job);

// The files that hold them, and the programs in cron.hourly and its kin, there or not.
std::vector<std::string> cron_files(const System& system, Output& output);

}  // namespace reachback::agent::builtin
