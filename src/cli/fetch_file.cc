#include "cli/fetch_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/bytes.h"
#include "base/file.h"
#include "cli/action.h"
#include "cli/script_output.h"
#include "cli/transfer.h"
#include "cli/unpack.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

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
  Result<void> name(const std::string& path, Existing existing) {
    if (existing == Existing::kept) {
      // A second name, which no file may have; the first goes with this object. Not every file
      // system has second names.
      const bool is_named = ::link(path_.c_str(), path.c_str()) == 0 ||
                            (errno == EPERM && ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD,
                                                           path.c_str(), RENAME_NOREPLACE) == 0);
      return is_named ? Result<void>() : refusal(path);
    }
    if (::rename(path_.c_str(), path.c_str()) != 0) {
      return errno_error("rename", path);
    }
    path_.clear();
    return {};
  }

 private:
  Partial(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  static Error refusal(const std::string& path) {
    return errno == EEXIST ? Error{Errc::already_exists, path + " is there already"}
                           : errno_error("link", path);
  }
  std::string path_;
  Fd fd_;
};

Result<void> save(Api& api, const Mint& mint, const Sha256& wanted, const std::string& file,
                  Existing existing, const ActionId& id, Meter* meter) {
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
  return to_stdout ? print_file(whole.fd().get()) : whole.name(file, existing);
}

}  // namespace

std::optional<Fields> fetched_file(const Fields& action) {
  const auto commands = action.objects("commands");
  return commands.empty() || commands[0].text("commandStatus") != "Completed"
             ? std::nullopt
             : std::optional(commands[0].object("file"));
}

Result<void> fetch_file(Api& api, const Fields& about, const ActionId& id, const std::string& file,
                        Existing existing, Meter* meter) {
  const auto wanted = sha256_from_hex(about.text("sha256"));
  if (!wanted) {
    return Error{Errc::protocol,
                 "the server did not tell the file's hash: fetch the result with "
                 "reachback result " +
                     id.text() + " 0 -o FILE"};
  }
  if (existing == Existing::kept && ::access(file.c_str(), F_OK) == 0) {
    return Error{Errc::already_exists, file + " is there already"};
  }
  return save(
      api, [&api, &id] { return mint_link(api, id, 0); }, *wanted, file, existing, id, meter);
}

std::string file_json(const Fields& about, const std::string& saved) {
  return "{\"path\":" + json::quote(about.text("path")) +
         ",\"size\":" + (about.text("size").empty() ? "null" : about.text("size")) +
         ",\"sha256\":" + json::quote(about.text("sha256")) + ",\"saved\":" + json::quote(saved) +
         "}";
}

std::string describe_file(const Fields& about) {
  return fmt::format("{} bytes of {}, SHA-256 {}", about.text("size"), about.text("path"),
                     about.text("sha256"));
}

}  // namespace reachback::cli
