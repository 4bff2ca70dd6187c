#include "fleet/scripted_processes.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/command/fetch_file.h"
#include "agent/command/gzip.h"
#include "crypto/digest.h"
#include "protocol/agent_messages.h"

namespace reachback::fleet {
namespace {

constexpr std::size_t kSliceBytes = 256 << 10;  // of a large output, in one turn of the loop
constexpr int kKilled = 137;

std::string_view value_of(const agent::ProcessSpec& spec, std::string_view name) {
  for (const std::string& line : spec.environment) {
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == '=') {
      return std::string_view(line).substr(name.size() + 1);
    }
  }
  return {};
}

bool is_fetch(const agent::ProcessSpec& spec) {
  return spec.is_own_program && spec.arguments.size() > 1 &&
         spec.arguments[1] == agent::kFetchCommand;
}

// Lines of text, `bytes` of them in all, from this offset of theirs on.
std::string filler(std::uint64_t from, std::size_t bytes) {
  constexpr std::string_view kLine =
      "a line of a large result, so that it compresses and can be looked at\n";
  std::string out;
  out.reserve(bytes + kLine.size());
  out += kLine.substr(from % kLine.size());
  while (out.size() < bytes) {
    out += kLine;
  }
  out.resize(bytes);
  return out;
}

void store(int file, std::string_view bytes, std::uint64_t max, agent::StreamCount& count) {
  const std::uint64_t room = max - std::min(max, count.stored);
  const auto kept = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), room));
  count.seen += bytes.size();
  if (write_all(file, kept).ok()) {
    count.stored += kept.size();
  } else {
    count.storage_full = true;
  }
}

// What the reader of GetFile does. The report.
pb::FetchReport fetch(const agent::ProcessSpec& spec, std::uint64_t bytes,
                      const std::string& name) {
  pb::FetchReport report;
  const bool raw = spec.arguments.size() > 4 && spec.arguments[2] == "raw";
  const std::string path = spec.arguments.size() > 4 ? spec.arguments[4] : "/";
  const std::string content = bytes == 0 ? fmt::format("{} of {}\n", path, name) : filler(0, bytes);
  std::string stored;
  if (raw) {
    stored = content;
  } else {
    agent::GzipWriter gzip([&stored](std::string_view piece) -> Result<void> {
      stored += piece;
      return {};
    });
    if (!gzip.write(content).ok() || !gzip.finish().ok()) {
      report.set_error("ReadFailed: the simulated file cannot be compressed");
      return report;
    }
  }
  if (!write_all(spec.script_fd, stored).ok()) {
    report.set_error("DiskFull: the simulated spool takes no more");
    return report;
  }
  report.set_path(path);
  report.set_bytes(content.size());
  report.set_sha256(std::string(as_bytes(crypto::sha256(content))));
  report.set_stored_bytes(stored.size());
  report.set_stored_sha256(std::string(as_bytes(crypto::sha256(stored))));
  return report;
}

}  // namespace

struct ScriptedProcesses::Run {
  agent::ProcessSpec spec;  // its descriptors stay open until `ended` is called
  std::function<void(agent::ProcessEnd)> ended;
  agent::ProcessEnd end;
  std::uint64_t lines_left = 0;
  std::uint64_t lines = 0;
  std::uint64_t bytes_left = 0;
  std::unique_ptr<agent::Events::Handle> next;
};

ScriptedProcesses::ScriptedProcesses(agent::Events& events, Random& random, Behaviour behaviour,
                                     const Pace& pace, std::string name)
    : events_(events),
      random_(random),
      behaviour_(behaviour),
      pace_(pace),
      name_(std::move(name)) {}

ScriptedProcesses::~ScriptedProcesses() = default;

Result<void> ScriptedProcesses::start(const agent::ProcessSpec& spec,
                                      std::function<void(agent::ProcessEnd)> ended) {
  run_ = std::make_unique<Run>();
  run_->spec = spec;
  run_->ended = std::move(ended);
  const std::uint64_t most = spec.output_bytes_max;
  if (is_fetch(spec)) {
    const bool is_big = behaviour_ == Behaviour::big;
    const auto report = fetch(spec, is_big ? pace_.big_bytes : 0, name_);
    store(spec.stdout_file, report.SerializeAsString(), most, run_->end.out);
    end_later(Duration(0));
    return {};
  }
  if (spec.is_own_program) {
    store(spec.stderr_file, "Unsupported: " + name_ + ": a simulated machine has nothing to show\n",
          most, run_->end.err);
    run_->end.exit_code = 1;
    end_later(Duration(0));
    return {};
  }
  store(spec.stdout_file,
        fmt::format("{} ran {}/{}\n", name_, value_of(spec, "REACHBACK_ACTION"),
                    value_of(spec, "REACHBACK_INDEX")),
        most, run_->end.out);
  start_script();
  return {};
}

void ScriptedProcesses::start_script() {
  switch (behaviour_) {
    case Behaviour::instant:
    case Behaviour::lying:
      end_later(Duration(0));
      return;
    case Behaviour::slow:
      end_later(between(pace_.slow_min, pace_.slow_max));
      return;
    case Behaviour::flapping:
      end_later(between(Duration(0), pace_.flap_run_max));
      return;
    case Behaviour::chatty:
      run_->lines_left = static_cast<std::uint64_t>(pace_.chatty_for / pace_.chatty_every);
      run_->next = events_.after(pace_.chatty_every, [this] { write_line(); });
      return;
    case Behaviour::big:
      run_->bytes_left = pace_.big_bytes;
      run_->next = events_.after(Duration(0), [this] { write_some(); });
      return;
  }
}

void ScriptedProcesses::write_line() {
  if (run_->lines_left == 0) {
    end();
    return;
  }
  --run_->lines_left;
  const std::uint64_t number = ++run_->lines;
  const std::uint64_t most = run_->spec.output_bytes_max;
  store(run_->spec.stdout_file, fmt::format("line {}\n", number), most, run_->end.out);
  if (number % 10 == 0) {
    store(run_->spec.stderr_file, fmt::format("{} lines so far\n", number), most, run_->end.err);
  }
  run_->next = events_.after(pace_.chatty_every, [this] { write_line(); });
  if (run_->spec.grown) {
    run_->spec.grown();
  }
}

void ScriptedProcesses::write_some() {
  if (run_->bytes_left == 0) {
    end();
    return;
  }
  const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(run_->bytes_left, kSliceBytes));
  store(run_->spec.stdout_file, filler(pace_.big_bytes - run_->bytes_left, now),
        run_->spec.output_bytes_max, run_->end.out);
  run_->bytes_left -= now;
  run_->next = events_.after(Duration(0), [this] { write_some(); });
}

void ScriptedProcesses::kill() {
  if (run_) {
    run_->end.killed = true;
    run_->end.exit_code = kKilled;
    end_later(Duration(0));
  }
}

void ScriptedProcesses::end_later(Duration delay) {
  run_->next = events_.after(delay, [this] { end(); });
}

// The last thing: whoever is told may start the next command.
void ScriptedProcesses::end() {
  const auto run = std::move(run_);
  run->ended(run->end);
}

Duration ScriptedProcesses::between(Duration least, Duration most) {
  const auto range = static_cast<std::uint64_t>(std::max(most - least, Duration(0)).count());
  return least + Duration(static_cast<std::int64_t>(random_.below(range + 1)));
}

}  // namespace reachback::fleet
