// `get`: a file of a machine, whole and with the hash that the machine told.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/machines.h"
#include "cli/submit.h"
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

Result<void> print(const Fd& file) {
  std::string piece(256 << 10, '\0');
  for (std::uint64_t at = 0;;) {
    RB_TRY_ASSIGN(const std::size_t size, read_at(file.get(), piece.data(), piece.size(), at));
    RB_TRY(write_out(std::string_view(piece).substr(0, size)));
    at += size;
    if (size < piece.size()) {
      return {};
    }
  }
}

Result<void> save(Api& api, const std::string& link, const Sha256& wanted,
                  const GetOptions& options, const ActionId& id) {
  const bool to_stdout = options.file == "-";
  const std::string beside =
      (to_stdout ? (std::filesystem::temp_directory_path() / "reachback").string() : options.file) +
      "." + id.text();
  RB_TRY_ASSIGN(Partial part, Partial::create(beside + ".part"));
  RB_TRY_ASSIGN(Partial scratch, Partial::create(beside + ".unpacked"));
  Result<void> written;
  auto downloaded = api.download(link, [&part, &written](std::string_view piece) {
    written = write_all(part.fd().get(), piece);
    return written.ok();
  });
  RB_TRY(written);
  RB_TRY(downloaded);
  RB_TRY_ASSIGN(const Holder holder, unpack(part.fd(), scratch.fd(), wanted));
  Partial& whole = holder == Holder::file ? part : scratch;
  return to_stdout ? print(whole.fd()) : whole.name(options.file);
}

Result<int> fetch(Api& api, const Terminal& terminal, const GetOptions& options,
                  const ActionId& id) {
  RB_TRY_ASSIGN(const Fields action, watch_action(api, terminal, id, options.timeout));
  const auto commands = action.objects("commands");
  if (commands.empty() || commands[0].text("commandStatus") != "Completed") {
    complain_about(action);
    return kExitNoExitCode;
  }
  const Fields file = commands[0].object("file");
  const auto wanted = sha256_from_hex(file.text("sha256"));
  if (!wanted) {
    return Error{Errc::protocol,
                 "the server did not tell the file's hash: fetch the result with "
                 "reachback result " +
                     id.text() + " 0 -o FILE"};
  }
  RB_TRY_ASSIGN(const std::string link, mint_link(api, id, 0));
  RB_TRY(save(api, link, *wanted, options, id));
  if (terminal.err_is_terminal) {
    complain(escape_line(fmt::format("{} bytes of {}, SHA-256 {}", file.text("size"),
                                     file.text("path"), file.text("sha256"))));
  }
  return 0;
}

}  // namespace

Result<int> get(Api& api, const Terminal& terminal, const GetOptions& options) {
  RB_TRY_ASSIGN(const std::string machine, find_machine(api, options.machine));
  RB_TRY_ASSIGN(const SentAction sent,
                submit_action(api, machine, get_file_body(options), "get " + options.path));
  auto outcome = fetch(api, terminal, options, sent.id);
  return api.interrupted() ? leave_action(api, sent.id, options.cancel_on_interrupt) : outcome;
}

}  // namespace reachback::cli
