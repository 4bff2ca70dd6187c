#include <fcntl.h>
#include <unistd.h>

#include "agent/builtin/accounts.h"
#include "agent/builtin/commands.h"
#include "agent/builtin/proc.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kCommandLineBytesMax = 64 << 10;
constexpr std::size_t kStatusBytesMax = 16 << 10;
constexpr std::size_t kBootBytesMax = 1 << 20;

// The line of a file of /proc that begins with this word, without it.
std::optional<std::string> line_of(const std::optional<std::string>& text, std::string_view word) {
  std::optional<std::string> out;
  for_each_line(text ? *text : std::string_view(), [&](std::size_t, std::string_view line) {
    if (!out && line.starts_with(word)) {
      out = std::string(trimmed(line.substr(word.size())));
    }
  });
  return out;
}

// Words as they were given, a blank between two.
std::optional<std::string> command_line_of(int process) {
  auto text = read_proc(process, "cmdline", kCommandLineBytesMax);
  while (text && !text->empty() && text->back() == '\0') {
    text->pop_back();
  }
  if (!text || text->empty()) {
    return std::nullopt;  // the kernel's own
  }
  for (char& c : *text) {
    c = c == '\0' ? ' ' : c;
  }
  return text;
}

struct Program {
  std::optional<std::string> path;
  bool deleted = false;
};

// The kernel writes " (deleted)" behind the path of a program that is gone from there; a file may
// be called so, too.
Program program_of(int process) {
  constexpr std::string_view kDeleted = " (deleted)";
  Program program{target_of(process, "exe")};
  if (program.path && program.path->ends_with(kDeleted)) {
    struct stat runs{}, stands{};
    program.deleted = ::fstatat(process, "exe", &runs, 0) != 0 ||
                      ::stat(program.path->c_str(), &stands) != 0 || runs.st_dev != stands.st_dev ||
                      runs.st_ino != stands.st_ino;
    if (program.deleted) {
      program.path->resize(program.path->size() - kDeleted.size());
    }
  }
  return program;
}

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // none: npos + 1 is 0
}

class Teller {
 public:
  Teller(const Request& request, const Proc& proc, Output& output)
      : name_(request.text("name")),
        proc_(proc),
        names_(request.system(), output),
        output_(output) {
    const auto boot = line_of(read_proc(proc.folder.get(), "stat", kBootBytesMax), "btime ");
    boot_seconds_ = number_of(boot.value_or(""));
  }

  // False: there is no such process.
  bool tell(Pid pid) {
    const Fd process = open_process(proc_, pid);
    const auto stat = process.valid() ? read_stat(process.get()) : std::nullopt;
    const auto uids =
        stat ? line_of(read_proc(process.get(), "status", kStatusBytesMax), "Uid:") : std::nullopt;
    if (!uids) {
      return false;
    }
    const auto command_line = command_line_of(process.get());
    const Program program = program_of(process.get());
    if (name_ && !is_named(*stat, command_line, program)) {
      return true;
    }
    const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const auto ids = words_of(*uids);  // real, effective, …
    const auto uid = ids.size() > 1 ? number_of(ids[1]) : std::nullopt;
    std::optional<Timestamp> started;
    if (boot_seconds_) {
      started = from_micros(
          static_cast<std::int64_t>((*boot_seconds_ + stat->start_ticks / ticks) * 1'000'000));
    }
    output_.add(
        Row()
            .add("pid", pid)
            .add("ppid", stat->ppid)
            .add("user",
                 uid ? std::optional(names_.user(static_cast<std::uint32_t>(*uid))) : std::nullopt)
            .add("started", started)
            .add("cpu_seconds", static_cast<double>(stat->cpu_ticks) / static_cast<double>(ticks))
            .add("memory_bytes", stat->resident_pages * page)
            .add("name", stat->name)
            .add("command_line", command_line)
            .add("state", std::string_view(&stat->state, 1))
            .add("path", program.path)
            .add("deleted", program.deleted)
            .add("uid", uid));
    return true;
  }

 private:
  bool is_named(const ProcessStat& stat, const std::optional<std::string>& command_line,
                const Program& program) const {
    const std::string_view words = command_line ? *command_line : std::string_view();
    return stat.name == *name_ || (program.path && last_part(*program.path) == *name_) ||
           last_part(words.substr(0, words.find(' '))) == *name_;
  }

  const std::optional<std::string> name_;
  const Proc& proc_;
  Names names_;
  Output& output_;
  std::optional<std::uint64_t> boot_seconds_;
};

}  // namespace

Result<void> list_processes(const Request& request, Output& output) {
  std::optional<std::uint64_t> wanted;
  if (const auto pid = request.text("pid")) {
    wanted = number_of(*pid);
    if (!wanted || *wanted == 0 || *wanted > INT32_MAX) {
      return Error{Errc::invalid_input, "InvalidInput: pid: is no number of a process"};
    }
  }
  RB_TRY_ASSIGN(const Proc proc, open_proc(request.system()));
  Teller teller(request, proc, output);
  if (wanted) {
    return teller.tell(static_cast<Pid>(*wanted))
               ? Result<void>()
               : Error{Errc::not_found,
                       "NotFound: " + std::to_string(*wanted) + ": there is no such process"};
  }
  for (const Pid pid : proc.pids) {
    teller.tell(pid);
  }
  return {};
}

}  // namespace reachback::agent::builtin
