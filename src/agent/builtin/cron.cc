#include "agent/builtin/cron.h"

#include "agent/builtin/cron_line.h"

namespace reachback::agent::builtin {
namespace {

constexpr const char* kPeriods[] = {"hourly", "daily", "weekly", "monthly", "yearly"};
// Debian's, SUSE's, Red Hat's.
constexpr const char* kUserFolders[] = {"/var/spool/cron/crontabs", "/var/spool/cron/tabs",
                                        "/var/spool/cron"};

bool is_file(const System& system, const std::string& path) {
  const auto found = system.find(path);
  return found.ok() && S_ISREG(found->status.stx_mode);
}

// Files and whatever else is no folder: a pipe among them is noted when it is to be read.
std::vector<std::string> files_in(const System& system, const std::string& folder, Output& output) {
  std::vector<std::string> paths;
  for (const auto& name : system.names(folder, output)) {
    const std::string path = path_in(folder, name);
    const auto found = system.find(path);
    if (name != ".placeholder" && !(found.ok() && S_ISDIR(found->status.stx_mode))) {
      paths.push_back(path);
    }
  }
  return paths;
}

class Reader {
 public:
  Reader(const System& system, Output& output, const std::function<void(const CronJob&)>& job)
      : system_(system), output_(output), job_(job) {}

  // user: whose all jobs are; empty: the line names it.
  void read_crontab(const std::string& source, const std::string& path, const std::string& user) {
    each_line(source, path, "a crontab",
              [&user](std::string_view line) { return read_crontab_line(line, user); });
  }

  void read_anacrontab(const std::string& path) {
    each_line("anacron", path, "an anacrontab", read_anacrontab_line);
  }

  void read_period(const std::string& period) {
    for (const auto& path : files_in(system_, "/etc/cron." + period, output_)) {
      const auto found = system_.find(path);
      if (found.ok() && S_ISREG(found->status.stx_mode) && (found->status.stx_mode & 0111) != 0) {
        job_({"cron." + period, "@" + period, "root", path, path});
      }
    }
  }

 private:
  void each_line(const std::string& source, const std::string& path, const std::string& kind,
                 const std::function<std::optional<CronLine>(std::string_view)>& read) {
    const auto text = system_.text(path, output_);
    for_each_line(text.value_or(""), [&](std::size_t number, std::string_view raw) {
      const auto line = trimmed(raw);
      if (!may_be_cron_job(line)) {
        return;
      }
      const std::string at = path + ":" + std::to_string(number);
      if (auto found = read(line)) {
        job_({source, std::move(found->schedule), std::move(found->user), std::move(found->command),
              at});
      } else {
        output_.note("ReadFailed: " + at + ": is no line of " + kind);
      }
    });
  }

  const System& system_;
  Output& output_;
  const std::function<void(const CronJob&)>& job_;
};

}  // namespace

void for_each_cron_job(const System& system, Output& output,
                       const std::function<void(const CronJob&)>& job) {
  Reader reader(system, output, job);
  reader.read_crontab("crontab", "/etc/crontab", "");
  for (const auto& path : files_in(system, "/etc/cron.d", output)) {
    reader.read_crontab("cron.d", path, "");
  }
  for (const char* folder : kUserFolders) {
    for (const auto& path : files_in(system, folder, output)) {
      reader.read_crontab("user crontab", path, path.substr(path.rfind('/') + 1));
    }
  }
  for (const char* period : kPeriods) {
    reader.read_period(period);
  }
  reader.read_anacrontab("/etc/anacrontab");
}

std::vector<std::string> cron_files(const System& system, Output& output) {
  std::vector<std::string> paths = {"/etc/crontab", "/etc/anacrontab"};
  const auto add = [&](const std::string& folder) {
    for (const auto& path : files_in(system, folder, output)) {
      paths.push_back(path);
    }
  };
  add("/etc/cron.d");
  for (const char* folder : kUserFolders) {
    add(folder);
  }
  for (const char* period : kPeriods) {
    add("/etc/cron." + std::string(period));
  }
  std::erase_if(paths, [&](const std::string& path) { return !is_file(system, path); });
  return paths;
}

}  // namespace reachback::agent::builtin
