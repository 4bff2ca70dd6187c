// `run` on several machines: each result is fetched whole, then printed under its machine's name,
// or kept in its folder.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "cli/commands.h"
#include "cli/run.h"
#include "cli/script_output.h"
#include "cli/submit.h"

namespace reachback::cli {
namespace {

// An empty file without a name.
Result<Fd> nameless_file() {
  std::string path = (std::filesystem::temp_directory_path() / "reachback-XXXXXX").string();
  Fd out(::mkostemp(path.data(), O_CLOEXEC));
  if (!out.valid()) {
    return errno_error("temporary file", path);
  }
  ::unlink(path.c_str());
  return out;
}

Result<Fd> new_file(const std::string& folder, const char* name) {
  return open_file(folder + "/" + name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
}

// The result's streams as files of their own beside it.
Result<void> unfold(const std::string& folder, int result) {
  RB_TRY_ASSIGN(const Fd output, new_file(folder, "stdout"));
  RB_TRY_ASSIGN(const Fd errors, new_file(folder, "stderr"));
  RB_TRY(read_script_file(result, [&](ScriptStream stream, std::string_view text) {
    return write_all((stream == ScriptStream::output ? output : errors).get(), text);
  }));
  return {};
}

class OnMachine {
 public:
  OnMachine(Api& api, const RunOptions& options, const Target& target, MachineEnd& end)
      : api_(api), options_(options), target_(target), end_(end) {}

  Result<void> perform(const std::function<void(const std::string&)>& tell) {
    RB_TRY_ASSIGN(SentAction sent, submit_patiently(api_, target_.id, run_script_body(options_),
                                                    "run " + options_.script));
    end_.id = sent.id;
    if (options_.no_wait) {
      end_.action = std::move(sent.fields);
      end_.exit_code = 0;
      return {};
    }
    RB_TRY_ASSIGN(end_.action, wait_for_final(api_, sent.id, options_.timeout, tell));
    if (!options_.output.empty()) {
      end_.folder = options_.output + "/" + target_.folder;
      RB_TRY(make_folder(end_.folder));
      RB_TRY(write_file_durably(end_.folder + "/action.json", end_.action->json() + "\n"));
    }
    tell("fetching the result");
    return fetch();
  }

 private:
  Result<void> fetch() {
    const auto index = options_.puts.size();
    const Mint again = [this, index] { return mint_link(api_, *end_.id, static_cast<int>(index)); };
    std::optional<std::int64_t> code;
    if (auto link = again(); link.ok()) {
      const Mint mint = beginning_with(*link, again);
      RB_TRY_ASSIGN(Fd file,
                    end_.folder.empty() ? nameless_file() : new_file(end_.folder, "result.json"));
      RB_TRY(fetch_all(
          api_, mint, [&file](std::string_view piece) { return write_all(file.get(), piece).ok(); },
          nullptr));
      RB_TRY_ASSIGN(const ScriptResult script,
                    read_script_file(
                        file.get(), [](ScriptStream, std::string_view) { return Result<void>(); }));
      code = script.exit_code;
      if (!end_.folder.empty()) {
        RB_TRY(unfold(end_.folder, file.get()));
      } else {
        end_.result = std::move(file);
      }
    } else if (link.error().code != Errc::not_found) {
      return link.error();
    }
    const std::vector<Fields> commands = end_.action->objects("commands");
    const std::string status =
        index < commands.size() ? commands[index].text("commandStatus") : std::string();
    if (code && status == "Completed") {
      end_.exit_code = exit_status(status, code);
    } else {
      end_.why = describe_failure(*end_.action);
    }
    return {};
  }

  Api& api_;
  const RunOptions& options_;
  const Target& target_;
  MachineEnd& end_;
};

}  // namespace

std::string describe_failure(const Fields& action) {
  std::string out = action.text("status");
  for (const Fields& command : action.objects("commands")) {
    for (const std::string& error : command.texts("errors")) {
      out += ": " + error;
    }
  }
  return out;
}

Result<int> run_on_many(Api& api, const Terminal& terminal, const RunOptions& options) {
  RB_TRY_ASSIGN(const std::vector<Target> targets, find_targets(api, options.targets));
  if (!options.file.empty()) {
    RB_TRY(upload_script(api, terminal, options));
  }
  RunOptions shared = options;
  shared.output = options.output == "-" ? "" : options.output;
  return run_fleet(api, terminal, shared, targets,
                   [&shared](Api& one, const Target& target, MachineEnd& end, const auto& tell) {
                     return OnMachine(one, shared, target, end).perform(tell);
                   });
}

}  // namespace reachback::cli
