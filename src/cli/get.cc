// `get`: a file of a machine, whole and with the hash that the machine told.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/machines.h"
#include "cli/progress.h"
#include "cli/run.h"
#include "cli/script_output.h"
#include "cli/submit.h"
#include "cli/transfer.h"
#include "cli/unpack.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

std::string get_file_body(const GetOptions& options) {
  json::Array params{json::Object{{"key", "Path"}, {"value", options.path}}};
  json::Object command{{"type", "GetFile"}, {"params", std::move(params)}};
  json::Object body{{"Commands", json::Array{std::move(command)}}};
  body["Comment"] = options.comment.empty() ? "Fetched with reachback" : options.comment;
  return json::write(body);
}

// A file of ours alone that is gone unless it gets its name.
class Partial {
 public:
  static Result<Partial> create(const std::string& path) {
    RB_TRY_ASSIGN(Fd fd, open_file(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    return Partial(path, std::move(fd));
  }
  Partial(Partial&& other) noexcept
      : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)) {}
  Partial& operator=(Partial&&) = delete;
  ~Partial() {
    if (!path_.empty()) {
      ::unlink(path_.c_str());
    }
  }
  const Fd& fd() const { return fd_; }
  Result<void> name(const std::string& path) {
    if (::rename(path_.c_str(), path.c_str()) != 0) {
      return errno_error("rename", path);
    }
    path_.clear();
    return {};
  }

 private:
  Partial(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  Fd fd_;
};

// file: "-" for standard output; else its parts stand beside it until it is whole.
Result<void> save(Api& api, const Mint& mint, const Sha256& wanted, const std::string& file,
                  const ActionId& id, Meter* meter) {
  const bool to_stdout = file == "-";
  const std::string beside =
      (to_stdout ? (std::filesystem::temp_directory_path() / "reachback").string() : file) + "." +
      id.text();
  RB_TRY_ASSIGN(Partial part, Partial::create(beside + ".part"));
  RB_TRY_ASSIGN(Partial scratch, Partial::create(beside + ".unpacked"));
  Result<void> written;
  auto fetched = fetch_all(
      api, mint,
      [&part, &written](std::string_view piece) {
        written = write_all(part.fd().get(), piece);
        return written.ok();
      },
      meter);
  RB_TRY(written);
  RB_TRY(fetched);
  RB_TRY_ASSIGN(const Holder holder, unpack(part.fd(), scratch.fd(), wanted));
  Partial& whole = holder == Holder::file ? part : scratch;
  return to_stdout ? print_file(whole.fd().get()) : whole.name(file);
}

// What the machine said of the file that it read; nothing when it read none.
std::optional<Fields> fetched_file(const Fields& action) {
  const auto commands = action.objects("commands");
  return commands.empty() || commands[0].text("commandStatus") != "Completed"
             ? std::nullopt
             : std::optional(commands[0].object("file"));
}

// From an action that ended well to the file in its place.
Result<void> fetch(Api& api, const Fields& about, const std::string& file, const ActionId& id,
                   Meter* meter) {
  const auto wanted = sha256_from_hex(about.text("sha256"));
  if (!wanted) {
    return Error{Errc::protocol,
                 "the server did not tell the file's hash: fetch the result with "
                 "reachback result " +
                     id.text() + " 0 -o FILE"};
  }
  return save(api, [&api, &id] { return mint_link(api, id, 0); }, *wanted, file, id, meter);
}

std::string file_json(const Fields& about, const std::string& saved) {
  return "{\"path\":" + json::quote(about.text("path")) +
         ",\"size\":" + (about.text("size").empty() ? "null" : about.text("size")) +
         ",\"sha256\":" + json::quote(about.text("sha256")) + ",\"saved\":" + json::quote(saved) +
         "}";
}

Result<int> get_one(Api& api, const Terminal& terminal, const GetOptions& options,
                    const ActionId& id) {
  RB_TRY_ASSIGN(const Fields action, watch_action(api, terminal, id, options.timeout));
  const std::optional<Fields> about = fetched_file(action);
  if (!about) {
    if (options.json) {
      RB_TRY(write_out("{\"action\":" + action.json() + ",\"file\":null}\n"));
    }
    complain_about(action);
    return kExitNoExitCode;
  }
  {
    Meter meter(terminal, options.file == "-" ? options.path : options.file);
    RB_TRY(fetch(api, *about, options.file, id, &meter));
  }
  if (options.json) {
    RB_TRY(write_out("{\"action\":" + action.json() +
                     ",\"file\":" + file_json(*about, options.file) + "}\n"));
  } else if (terminal.err_is_terminal) {
    complain(escape_line(fmt::format("{} bytes of {}, SHA-256 {}", about->text("size"),
                                     about->text("path"), about->text("sha256"))));
  }
  return 0;
}

Result<void> get_on_machine(Api& api, const GetOptions& options, const Target& target,
                            MachineEnd& end, const std::function<void(const std::string&)>& tell) {
  RB_TRY_ASSIGN(const SentAction sent,
                submit_patiently(api, target.id, get_file_body(options), "get " + options.path));
  end.id = sent.id;
  RB_TRY_ASSIGN(end.action, wait_for_final(api, sent.id, options.timeout, tell));
  const std::optional<Fields> about = fetched_file(*end.action);
  if (!about) {
    end.why = describe_failure(*end.action);
    return {};
  }
  end.folder = options.file + "/" + target.folder;
  RB_TRY(make_folder(end.folder));
  RB_TRY(write_file_durably(end.folder + "/action.json", end.action->json() + "\n"));
  const std::string file = end.folder + "/" + options.path.substr(options.path.rfind('/') + 1);
  tell("fetching " + about->text("size") + " bytes");
  RB_TRY(fetch(api, *about, file, sent.id, nullptr));
  end.json = ",\"file\":" + file_json(*about, file);
  end.exit_code = 0;
  return {};
}

}  // namespace

Result<int> get(Api& api, const Terminal& terminal, const GetOptions& options) {
  if (!options.targets.is_one()) {
    RB_TRY_ASSIGN(const std::vector<Target> targets, find_targets(api, options.targets));
    return run_fleet(api, terminal, options, targets,
                     [&options](Api& one, const Target& target, MachineEnd& end, const auto& tell) {
                       return get_on_machine(one, options, target, end, tell);
                     });
  }
  RB_TRY_ASSIGN(const std::string machine, find_machine(api, options.targets.machines.front()));
  RB_TRY_ASSIGN(const SentAction sent,
                submit_action(api, machine, get_file_body(options), "get " + options.path));
  auto outcome = get_one(api, terminal, options, sent.id);
  return api.interrupted() ? leave_action(api, sent.id, options.cancel_on_interrupt) : outcome;
}

}  // namespace reachback::cli
