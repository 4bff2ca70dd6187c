#include "agent/builtin/cron.h"

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

// The first words of a line as text, the rest of it behind them.
struct Split {
  std::vector<std::string> words;
  std::string rest;
};
std::optional<Split> split(std::string_view line, std::size_t count) {
  Split out;
  std::string_view rest = trimmed(line);
  for (std::size_t i = 0; i < count; ++i) {
    const auto end = rest.find_first_of(" \t");
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    out.words.emplace_back(rest.substr(0, end));
    rest = trimmed(rest.substr(end));
  }
  out.rest = rest;
  return out;
}

// "NAME = value": a job's first field has no equals sign.
bool sets_variable(std::string_view line) {
  const auto equals = line.find('=');
  const auto name = trimmed(line.substr(0, equals));
  return equals != std::string_view::npos &&
         (name.find_first_of(" \t") == std::string_view::npos || name.starts_with('"') ||
          name.starts_with('\'')) &&
         !name.starts_with('@') && !name.starts_with('*');
}

class Reader {
 public:
  Reader(const System& system, Output& output, const std::function<void(const CronJob&)>& job)
      : system_(system), output_(output), job_(job) {}

  // user: whose all jobs are; empty: the line names it.
  void read_crontab(const std::string& source, const std::string& path, const std::string& user) {
    each_line(path, [&](std::string_view line, const std::string& at) {
      const std::size_t schedule_words = line.starts_with('@') ? 1 : 5;
      auto parts = split(line, schedule_words + (user.empty() ? 1 : 0));
      if (!parts) {
        output_.note("ReadFailed: " + at + ": is no line of a crontab");
        return;
      }
      CronJob job{source, parts->words[0], user, parts->rest, at};
      for (std::size_t i = 1; i < schedule_words; ++i) {
        job.schedule += " " + parts->words[i];
      }
      if (user.empty()) {
        job.user = parts->words.back();
      }
      job_(job);
    });
  }

  void read_anacrontab(const std::string& path) {
    each_line(path, [&](std::string_view line, const std::string& at) {
      const auto parts = split(line, 3);
      if (!parts) {
        output_.note("ReadFailed: " + at + ": is no line of an anacrontab");
        return;
      }
      const auto& words = parts->words;
      const std::string period = number_of(words[0]) ? "every " + words[0] + " days" : words[0];
      job_({"anacron", period + ", after " + words[1] + " minutes", "root", parts->rest, at});
    });
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
  void each_line(const std::string& path,
                 const std::function<void(std::string_view, const std::string&)>& take) {
    const auto text = system_.text(path, output_);
    for_each_line(text.value_or(""), [&](std::size_t number, std::string_view raw) {
      const auto line = trimmed(raw);
      if (!line.empty() && !line.starts_with('#') && !sets_variable(line)) {
        take(line, path + ":" + std::to_string(number));
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
