#include <charconv>

#include "agent/builtin/accounts.h"
#include "agent/builtin/commands.h"
#include "agent/builtin/cron.h"
#include "agent/builtin/units.h"
#include "base/bytes.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kCommandBytesMax = 1000;

void tell_timers(const System& system, Output& output) {
  const Units units(system, output);
  for (const auto& [name, timer] : units.all()) {
    if (!is_unit(name, ".timer") || timer.state == "masked") {
      continue;
    }
    const UnitFile file = units.load(timer).file;
    const std::string asked = file.value("Timer", "Unit");
    const std::string unit = asked.empty() ? name.substr(0, name.rfind('.')) + ".service" : asked;
    auto service = units.all().find(unit);
    service = service != units.all().end() ? service : units.all().find(Units::template_of(unit));
    const UnitFile run =
        service != units.all().end() ? units.load(service->second).file : UnitFile();
    const std::string user = run.value("Service", "User");
    const auto exec = run.values("Service", "ExecStart");
    output.add(Row()
                   .add("source", "timer")
                   .add("schedule", joined(timer_settings(file)))
                   .add("user", user.empty() ? "root" : user)
                   .add("command", unit)
                   .add("path", timer.path)
                   .add("enabled", timer.state)
                   .add("exec", exec.empty() ? std::nullopt : std::optional(joined(exec))));
  }
}

// The name of a job's file: its queue, its number in 5 hex digits, its minute since 1970 in 8.
std::optional<Timestamp> time_of_at_job(std::string_view name) {
  constexpr std::size_t kNumberEnd = 6, kEnd = 14;
  if (name.size() != kEnd) {
    return std::nullopt;
  }
  std::uint32_t minutes = 0;
  const char* const end = name.data() + kEnd;
  const auto read = std::from_chars(name.data() + kNumberEnd, end, minutes, 16);
  return read.ec == std::errc() && read.ptr == end
             ? std::optional(from_micros(std::int64_t{minutes} * 60 * 1'000'000))
             : std::nullopt;
}

// What stands behind the lines that at puts before it: variables, then the folder.
std::string command_of_at_job(std::string_view text) {
  constexpr std::string_view kEndOfHead = "\n}\n";
  const auto head = text.find(kEndOfHead);
  std::vector<std::string> lines;
  for_each_line(head == std::string_view::npos ? text : text.substr(head + kEndOfHead.size()),
                [&](std::size_t, std::string_view line) {
                  if (!trimmed(line).empty()) {
                    lines.emplace_back(trimmed(line));
                  }
                });
  return std::string(cut_utf8(to_valid_utf8(joined(lines)), kCommandBytesMax));
}

void tell_at_jobs(const System& system, Output& output) {
  Names names(system, output);
  // Debian's, and Red Hat's.
  for (const std::string folder : {"/var/spool/cron/atjobs", "/var/spool/at"}) {
    for (const auto& name : system.names(folder, output)) {
      const std::string path = path_in(folder, name);
      const auto time = time_of_at_job(name);
      const auto found = system.find(path);
      if (!time || !found.ok()) {
        continue;
      }
      const auto text = system.text(path, output);
      output.add(Row()
                     .add("source", "at")
                     .add("schedule", format_time(*time))
                     .add("user", names.user(found->status.stx_uid))
                     .add("command", text ? std::optional(command_of_at_job(*text)) : std::nullopt)
                     .add("path", path));
    }
  }
}

}  // namespace

Result<void> list_scheduled_tasks(const Request& request, Output& output) {
  for_each_cron_job(request.system(), output, [&output](const CronJob& job) {
    output.add(Row()
                   .add("source", job.source)
                   .add("schedule", job.schedule)
                   .add("user", job.user)
                   .add("command", job.command)
                   .add("path", job.path));
  });
  tell_timers(request.system(), output);
  tell_at_jobs(request.system(), output);
  return {};
}

}  // namespace reachback::agent::builtin
