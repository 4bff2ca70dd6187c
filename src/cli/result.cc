#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/action.h"
#include "cli/commands.h"

namespace reachback::cli {
namespace {

// Beside the wanted file until it is whole, so that no half file stands under its name.
Result<std::uint64_t> save(Api& api, const std::string& link, const std::string& path) {
  std::string partial = path + ".part";
  RB_TRY_ASSIGN(Fd file, open_file(partial, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  std::uint64_t bytes = 0;
  Result<void> written;
  auto downloaded = api.download(link, [&file, &bytes, &written](std::string_view piece) {
    written = write_all(file.get(), piece);
    bytes += piece.size();
    return written.ok();
  });
  auto done = !written.ok() ? written : downloaded;
  if (done.ok() && ::rename(partial.c_str(), path.c_str()) != 0) {
    done = errno_error("rename", path);
  }
  if (!done.ok()) {
    ::unlink(partial.c_str());
    return done.error();
  }
  return bytes;
}

}  // namespace

Result<int> result(Api& api, const Terminal& terminal, const ResultOptions& options) {
  RB_TRY_ASSIGN(Fields action, get_action(api, options.id));
  std::vector<Fields> commands = action.objects("commands");
  auto index = static_cast<std::size_t>(options.index);
  if (index >= commands.size()) {
    return Error{
        Errc::invalid_input,
        fmt::format("action {} has {} commands: the index goes from 0 to {}", options.id.text(),
                    commands.size(), commands.empty() ? 0 : commands.size() - 1)};
  }
  std::string type = commands[index].object("command").text("type");
  if (type == "PutFile") {
    return Error{Errc::invalid_input, "command " + std::to_string(index) +
                                          " is a PutFile, which has no result: choose another"};
  }
  if (!options.receipts.empty()) {
    RB_TRY_ASSIGN(std::string receipts, get_receipts(api, options.id));
    RB_TRY(write_file_durably(options.receipts, receipts + "\n"));
  }
  auto link = mint_link(api, options.id, options.index);
  if (!link) {
    if (link.error().code == Errc::not_found) {
      return Error{Errc::not_found,
                   fmt::format("command {} is {} and has no result (yet): see reachback show {}",
                               index, commands[index].text("commandStatus"), options.id.text())};
    }
    return link.error();
  }
  if (!options.file.empty() && options.file != "-") {
    RB_TRY_ASSIGN(std::uint64_t bytes, save(api, *link, options.file));
    if (terminal.err_is_terminal) {
      complain(fmt::format("{} bytes in {}", bytes, options.file));
    }
    return 0;
  }
  if (options.file == "-" || type != "RunScript") {
    if (terminal.out_is_terminal && options.file.empty() && !options.raw) {
      return Error{Errc::invalid_input,
                   "the result is a file: name where it goes with -o FILE, or -o - to print it"};
    }
    RB_TRY(print_file(api, *link));
    return 0;
  }
  RB_TRY_ASSIGN(ScriptResult script, print_script_result(api, *link, terminal, options.raw));
  if (terminal.err_is_terminal && script.exit_code) {
    complain(fmt::format("the script's exit code is {}", *script.exit_code));
  }
  return 0;
}

}  // namespace reachback::cli
