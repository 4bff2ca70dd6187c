#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/action.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/script_output.h"
#include "cli/transfer.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

// Beside the wanted file until it is whole, so that no half file stands under its name.
Result<std::uint64_t> save(Api& api, const Mint& mint, const std::string& path, Meter* meter) {
  std::string partial = path + ".part";
  RB_TRY_ASSIGN(Fd file, open_file(partial, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  Result<void> written;
  auto fetched = fetch_all(
      api, mint,
      [&file, &written](std::string_view piece) {
        written = write_all(file.get(), piece);
        return written.ok();
      },
      meter);
  Result<void> done = !written.ok()  ? written
                      : fetched.ok() ? Result<void>()
                                     : Result<void>(fetched.error());
  if (done.ok() && ::rename(partial.c_str(), path.c_str()) != 0) {
    done = errno_error("rename", path);
  }
  if (!done.ok()) {
    ::unlink(partial.c_str());
    return done.error();
  }
  return *fetched;
}

// The file as it is on standard output.
Result<void> pass_on(Api& api, const Mint& mint) {
  Result<void> written;
  auto fetched = fetch_all(
      api, mint,
      [&written](std::string_view piece) {
        written = write_out(piece);
        return written.ok();
      },
      nullptr);
  RB_TRY(written);
  RB_TRY(fetched);
  return {};
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
  const Mint again = [&api, &options] { return mint_link(api, options.id, options.index); };
  auto link = again();
  if (!link) {
    if (link.error().code == Errc::not_found) {
      return Error{Errc::not_found,
                   fmt::format("command {} is {} and has no result (yet): see reachback show {}",
                               index, commands[index].text("commandStatus"), options.id.text())};
    }
    return link.error();
  }
  const Mint mint = beginning_with(*link, again);
  if (!options.file.empty() && options.file != "-") {
    std::uint64_t bytes = 0;
    {
      Meter meter(terminal, options.file);
      RB_TRY_ASSIGN(bytes, save(api, mint, options.file, &meter));
    }
    if (options.json) {
      RB_TRY(write_out(fmt::format("{{\"id\":{},\"index\":{},\"bytes\":{},\"file\":{}}}\n",
                                   json::quote(options.id.text()), index, bytes,
                                   json::quote(options.file))));
    } else if (terminal.err_is_terminal) {
      complain(fmt::format("{} bytes in {}", bytes, options.file));
    }
    return 0;
  }
  const bool is_script_output = type == "RunScript" || type == "BuiltIn";
  if (options.file == "-" || options.json || !is_script_output) {
    if (options.json && !is_script_output) {
      return Error{Errc::invalid_input,
                   "the result is a file, not JSON: name where it goes with -o FILE"};
    }
    if (terminal.out_is_terminal && options.file.empty() && !options.raw && !options.json) {
      return Error{Errc::invalid_input,
                   "the result is a file: name where it goes with -o FILE, or -o - to print it"};
    }
    RB_TRY(pass_on(api, mint));
    return 0;
  }
  ScriptPrinter printer(terminal, options.raw);
  RB_TRY_ASSIGN(const ScriptResult script,
                read_script_result(api, mint, [&printer](ScriptStream stream, std::string_view s) {
                  return printer.print(stream, s);
                }));
  RB_TRY(printer.finish());
  if (terminal.err_is_terminal && script.exit_code) {
    complain(fmt::format("the script's exit code is {}", *script.exit_code));
  }
  return 0;
}

}  // namespace reachback::cli
