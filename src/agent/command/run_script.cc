#include "agent/command/run_script.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "agent/ports/memory_file.h"
#include "protocol/words.h"

namespace reachback::agent {
namespace {

constexpr std::size_t kFirstBytes = 512;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string_view trim(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r");
  if (from == std::string_view::npos) {
    return {};
  }
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool is_shell_name(std::string_view name) {
  for (std::string_view shell : {"sh", "bash", "dash", "ksh", "zsh", "ash"}) {
    if (name == shell) {
      return true;
    }
  }
  return false;
}

// The shell that `env bash` or `env -S bash -e` names counts too.
bool names_a_shell(const std::vector<std::string>& words) {
  if (base_name(words[0]) != "env") {
    return is_shell_name(base_name(words[0]));
  }
  std::string_view rest = words.size() > 1 ? std::string_view(words[1]) : std::string_view();
  if (rest.starts_with("-S")) {
    rest = trim(rest.substr(2));
  }
  return is_shell_name(base_name(rest.substr(0, rest.find(' '))));
}

// Copies without the carriage return of each CRLF, and without a byte order mark.
Result<Fd> as_unix_text(int from) {
  RB_TRY_ASSIGN(Fd to, make_memory_file());
  std::string piece(64 << 10, '\0');
  bool held = false;  // a CR at the end of the last piece
  for (std::uint64_t offset = 0;;) {
    RB_TRY_ASSIGN(std::size_t size, read_at(from, piece.data(), piece.size(), offset));
    std::string_view in(piece.data(), size);
    if (offset == 0 && in.starts_with(kByteOrderMark)) {
      in.remove_prefix(kByteOrderMark.size());
    }
    std::string out;
    for (char c : in) {
      if (held && c != '\n') {
        out += '\r';
      }
      held = c == '\r';
      if (!held) {
        out += c;
      }
    }
    RB_TRY(write_all(to.get(), out));
    offset += size;
    if (size < piece.size()) {
      break;
    }
  }
  if (held) {
    RB_TRY(write_all(to.get(), "\r"));
  }
  RB_TRY(seal_memory_file(to.get()));
  return to;
}

// For an interpreter that reads its script by name.
Result<std::string> named_copy(int from, const std::string& path) {
  RB_TRY_ASSIGN(Fd to, open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0500));
  std::string piece(64 << 10, '\0');
  for (std::uint64_t offset = 0;;) {
    RB_TRY_ASSIGN(std::size_t size, read_at(from, piece.data(), piece.size(), offset));
    RB_TRY(write_all(to.get(), std::string_view(piece).substr(0, size)));
    offset += size;
    if (size < piece.size()) {
      return path;
    }
  }
}

Error not_found(std::string_view program) {
  return Error{Errc::not_found,
               "InterpreterNotFound: " + std::string(program) + " is not on this machine"};
}

}  // namespace

Error could_not_start(const Error& error) {
  const bool full = error.code == Errc::storage_full;
  return Error{error.code, (full ? "DiskFull: " : "CouldNotStart: ") + error.message};
}

std::string find_program(const std::string& name) {
  for (std::string_view rest = kScriptPath; !rest.empty();) {
    const auto folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    std::string path = std::string(folder) + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return {};
}

Result<Interpreter> choose_interpreter(
    std::string_view first_bytes, std::string_view file_name,
    const std::function<std::string(const std::string&)>& find_program_of) {
  Interpreter out;
  if (first_bytes.starts_with(kByteOrderMark)) {
    first_bytes.remove_prefix(kByteOrderMark.size());
  }
  if (first_bytes.starts_with("#!")) {
    const auto line = trim(first_bytes.substr(2, first_bytes.find('\n') - 2));
    const auto program = line.substr(0, line.find_first_of(" \t"));
    const auto argument = trim(line.substr(program.size()));
    if (!program.starts_with('/')) {
      return not_found(program.empty() ? "(an empty #! line)" : program);
    }
    if (::access(std::string(program).c_str(), X_OK) != 0) {
      return not_found(program);
    }
    out.words.emplace_back(program);
    if (!argument.empty()) {
      out.words.emplace_back(argument);
    }
    out.is_shell = names_a_shell(out.words);
    out.needs_name = base_name(program) == "pwsh" || argument == "pwsh";
    return out;
  }
  const auto dot = file_name.rfind('.');
  const std::string extension =
      dot == std::string_view::npos ? "" : to_lower(file_name.substr(dot));
  std::string name = "bash";
  if (extension == ".py") {
    name = "python3";
  } else if (extension == ".pl") {
    name = "perl";
  } else if (extension == ".ps1") {
    name = "pwsh";
  }
  const std::string program = find_program_of(name);
  if (program.empty()) {
    return not_found(name);
  }
  out.words.push_back(program);
  out.is_shell = name == "bash";
  out.needs_name = name == "pwsh";
  return out;
}

std::vector<std::string> command_environment(const std::string& folder, const ActionId& action,
                                             std::uint32_t index) {
  return {"PATH=" + std::string(kScriptPath), "LC_CTYPE=C.UTF-8",
          "HOME=" + (::geteuid() == 0 ? std::string("/root") : folder),
          "REACHBACK_ACTION=" + action.text(), "REACHBACK_INDEX=" + std::to_string(index)};
}

Result<PreparedScript> prepare_script(const pb::Command& command, Fd script,
                                      const std::string& folder, const ActionId& action,
                                      std::uint32_t index) {
  PreparedScript out;
  std::array<char, kFirstBytes> first{};
  auto size = read_at(script.get(), first.data(), first.size(), 0);
  if (!size.ok()) {
    return could_not_start(size.error());
  }
  RB_TRY_ASSIGN(Interpreter interpreter, choose_interpreter(std::string_view(first.data(), *size),
                                                            command.file_name(), find_program));
  auto words = protocol::split_words(command.args());
  if (!words.ok()) {
    return Error{Errc::invalid_input, "InvalidArgs: " + words.error().message};
  }
  if (interpreter.is_shell) {
    auto text = as_unix_text(script.get());
    if (!text.ok()) {
      return could_not_start(text.error());
    }
    script = std::move(*text);
  }
  std::string path = "/proc/self/fd/" + std::to_string(kScriptFd);
  if (interpreter.needs_name) {
    auto copy = named_copy(script.get(), folder + "/" + command.file_name());
    if (!copy.ok()) {
      return could_not_start(copy.error());
    }
    path = *copy;
    for (const char* option : {"-NoLogo", "-NoProfile", "-NonInteractive", "-File"}) {
      interpreter.words.emplace_back(option);
    }
  }
  ProcessSpec& spec = out.spec;
  spec.program = interpreter.words[0];
  spec.arguments = std::move(interpreter.words);
  spec.arguments.push_back(path);
  spec.arguments.insert(spec.arguments.end(), words->begin(), words->end());
  spec.environment = command_environment(folder, action, index);
  spec.folder = folder;
  spec.output_bytes_max = command.output_bytes_max();
  out.script = std::move(script);
  spec.script_fd = out.script.get();
  return out;
}

}  // namespace reachback::agent
