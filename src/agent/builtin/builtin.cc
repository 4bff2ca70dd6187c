#include "agent/builtin/builtin.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "agent/builtin/commands.h"
#include "agent/command/find_file.h"
#include "agent/command/run_script.h"
#include "base/file.h"

namespace reachback::agent {
namespace {

using builtin::Output;
using builtin::Request;

struct Command {
  std::string_view name;
  std::vector<std::string> parameters;
  Result<void> (*run)(const Request&, Output&);
};

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      {"cd", {"path"}, builtin::change_folder},
      {"connections", {}, builtin::list_connections},
      {"dir", {"path", "full_path", "relative_path"}, builtin::list_folder},
      {"fileinfo", {"path"}, builtin::tell_file},
      {"findfile", {"name", "path"}, builtin::find_files},
      {"persistence", {}, builtin::list_persistence},
      {"processes", {"pid", "name"}, builtin::list_processes},
      {"scheduledtasks", {}, builtin::list_scheduled_tasks},
      {"services", {}, builtin::list_services},
      {"users", {}, builtin::list_users}};
  return table;
}

const Command* command_of(std::string_view name) {
  const auto found = std::find_if(commands().begin(), commands().end(),
                                  [&](const Command& command) { return command.name == name; });
  return found != commands().end() ? &*found : nullptr;
}

Error invalid(const std::string& what) {
  return Error{Errc::invalid_input, "InvalidInput: " + what};
}

using Parameters = std::map<std::string, std::string, std::less<>>;

Result<Parameters> parameters_of(const Command& command, const std::vector<std::string>& words) {
  Parameters parameters;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    const auto& known = command.parameters;
    if (equals == std::string::npos || std::find(known.begin(), known.end(), name) == known.end()) {
      return invalid(shown_path(words[i]) + ": no parameter of " + std::string(command.name));
    }
    if (!parameters.emplace(name, words[i].substr(equals + 1)).second) {
      return invalid(name + ": given twice");
    }
  }
  return parameters;
}

Result<void> do_command(const BuiltInOrder& order, const std::string& root, Output& output) {
  const Command* command = order.words.empty() ? nullptr : command_of(order.words[0]);
  if (command == nullptr) {
    return invalid((order.words.empty() ? "" : shown_path(order.words[0]) + ": ") +
                   "no such command");
  }
  if (!order.folder.starts_with('/')) {
    return invalid(shown_path(order.folder) + ": the current folder is not absolute");
  }
  RB_TRY_ASSIGN(Parameters parameters, parameters_of(*command, order.words));
  RB_TRY_ASSIGN(const builtin::System system, builtin::System::open(root));
  return command->run(Request(system, order.folder, order.roots, std::move(parameters)), output);
}

}  // namespace

int do_built_in(const BuiltInOrder& order, const std::string& root,
                const std::function<void(std::string_view)>& rows,
                const std::function<void(std::string_view)>& notes) {
  Output output(rows, notes);
  const auto done = do_command(order, root, output);
  output.flush();
  if (!done.ok()) {
    output.note(done.error());
  }
  return done.ok() ? 0 : 1;
}

std::vector<std::string> built_in_names() {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    names.emplace_back(command.name);
  }
  return names;
}

std::vector<std::string> built_in_parameters(std::string_view name) {
  const Command* command = command_of(name);
  return command != nullptr ? command->parameters : std::vector<std::string>();
}

ProcessSpec built_in_process(const BuiltInOrder& order, std::uint64_t output_bytes_max,
                             const ActionId& action, std::uint32_t index) {
  ProcessSpec spec;
  spec.program = "/proc/self/exe";
  spec.arguments = {"reachback-agent", kBuiltInCommand, "--folder=" + order.folder};
  for (const auto& root : order.roots) {
    spec.arguments.push_back("--root=" + root);
  }
  // No word of an order is read as a root, whatever it looks like.
  spec.arguments.emplace_back("--");
  spec.arguments.insert(spec.arguments.end(), order.words.begin(), order.words.end());
  spec.environment = command_environment("/", action, index);
  spec.folder = "/";
  spec.output_bytes_max = output_bytes_max;
  spec.is_own_program = true;
  return spec;
}

int run_built_in(int argc, char** argv) {
  constexpr int kFirstOption = 2;
  constexpr std::string_view kFolder = "--folder=";
  constexpr std::string_view kRoot = "--root=";
  BuiltInOrder order;
  int at = kFirstOption;
  for (; at < argc; ++at) {
    const std::string_view option = argv[at];
    if (option.starts_with(kFolder)) {
      order.folder = option.substr(kFolder.size());
    } else if (option.starts_with(kRoot)) {
      order.roots.emplace_back(option.substr(kRoot.size()));
    } else {
      at += option == "--" ? 1 : 0;
      break;
    }
  }
  order.words.assign(argv + std::min(at, argc), argv + argc);
  // Nobody reads any more, or the disk is full: there is nobody to tell it to.
  const auto write_to = [](int fd) {
    return [fd](std::string_view text) {
      if (!write_all(fd, text).ok()) {
        ::_exit(1);
      }
    };
  };
  return do_built_in(order, "", write_to(STDOUT_FILENO), write_to(STDERR_FILENO));
}

}  // namespace reachback::agent
