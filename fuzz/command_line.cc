// Lines of an interactive session, by the table that is served. What a line says, written anew with
// every word quoted, is read as the same; and what it asks of the machine names a command of the
// table, an absolute path and words that the agent splits into what was said.
#include "server/service/command_line.h"

#include "fuzz/fuzz.h"
#include "protocol/words.h"
#include "server/rest/interactive_table.h"

namespace reachback::fuzz {
namespace {

using server::CommandLine;
using server::DoneBy;

const server::InteractiveTable& table() {
  static const server::InteractiveTable all = *server::rest::load_interactive_table();
  return all;
}

// '&' and '>' in quotes, whatever else join_words() leaves plain.
std::string quoted(const std::string& word) {
  std::string out = "'";
  for (const char c : word) {
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return out + "'";
}

std::string written(const CommandLine& line) {
  std::string out = line.command->name;
  for (const auto& [name, value] : line.parameters) {
    const auto& parameters = line.command->parameters;
    bool is_switch = false;
    for (const auto& p : parameters) {
      is_switch |= p.name == name && p.kind == server::InteractiveParameter::Kind::toggle;
    }
    out += " -" + name + (is_switch ? "" : " " + quoted(value));
  }
  out += line.json ? " -output json" : "";
  out += line.file ? " > " + quoted(*line.file) : "";
  return out + (line.background ? " &" : "");
}

void check_command(const CommandLine& line) {
  const auto command = server::command_of_line(line, "/folder");
  if (!command) {
    FUZZ_CHECK(command.error().code == Errc::invalid_input);
    FUZZ_CHECK(line.command->by == DoneBy::action);
    return;
  }
  FUZZ_CHECK(!command->params.empty());
  if (command->type == action::CommandType::get_file) {
    FUZZ_CHECK(command->path.starts_with('/'));
  }
  if (command->type != action::CommandType::built_in) {
    FUZZ_CHECK(line.command->by == DoneBy::action);
    return;
  }
  FUZZ_CHECK(command->file_name == line.command->name && command->path == "/folder");
  const auto words = protocol::split_words(*command->args);
  FUZZ_CHECK(words && words->size() == line.parameters.size());
  for (std::size_t i = 0; i < words->size(); ++i) {
    FUZZ_CHECK((*words)[i] == line.parameters[i].first + "=" + line.parameters[i].second);
  }
}

}  // namespace

void run(std::string_view text) {
  const auto line = server::parse_command_line(table(), text);
  if (!line) {
    FUZZ_CHECK(line.error().code == Errc::invalid_input);
    FUZZ_CHECK(line.error().message.starts_with("commandLine: "));
    return;
  }
  FUZZ_CHECK(server::find_command(table(), line->command->name) == line->command);
  FUZZ_CHECK(!line->background || line->command->by != DoneBy::client);
  FUZZ_CHECK(!line->file || !line->file->empty());
  for (const auto& [name, value] : line->parameters) {
    FUZZ_CHECK(!value.empty() && line->parameter(name) == value);
  }
  const auto again = server::parse_command_line(table(), written(*line));
  FUZZ_CHECK(again && again->command == line->command && again->parameters == line->parameters);
  FUZZ_CHECK(again->json == line->json && again->file == line->file &&
             again->background == line->background);
  if (line->command->by != DoneBy::client) {
    check_command(*line);
  }
}

}  // namespace reachback::fuzz
