#include "server/service/command_line.h"

#include <algorithm>

#include "base/bytes.h"
#include "protocol/terminal.h"
#include "protocol/words.h"
#include "server/service/library.h"

namespace reachback::server {
namespace {

using Kind = InteractiveParameter::Kind;

constexpr std::string_view kBlanks = " \t\r\n";

Error wrong(const std::string& what) {
  return Error{Errc::invalid_input, "commandLine: " + what};
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Where the last `mark` stands that no quote and no backslash makes ordinary text.
std::optional<std::size_t> last_unquoted(std::string_view text, char mark) {
  std::optional<std::size_t> found;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\'' && c == '\\') {
      ++i;
    } else if (quote != '\0') {
      quote = c == quote ? '\0' : quote;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == mark) {
      found = i;
    }
  }
  return found;
}

bool is_number(std::string_view word) {
  return !word.empty() && word.size() <= 18 &&
         word.find_first_not_of("0123456789") == std::string_view::npos;
}

// "-name", of which there may be none with that name.
bool is_named(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && !is_number(word.substr(1));
}

std::optional<bool> as_output(std::string_view word) {
  return equals_ignore_case(word, "json")    ? std::optional(true)
         : equals_ignore_case(word, "table") ? std::optional(false)
                                             : std::nullopt;
}

std::string names_of(const InteractiveCommand& command) {
  std::string out;
  for (const InteractiveParameter& p : command.parameters) {
    out += " -" + p.name + ",";
  }
  return out + " -output";
}

// The words behind the command's name.
class Reader {
 public:
  Reader(CommandLine& out, std::vector<std::string> words)
      : out_(out), command_(*out.command), words_(std::move(words)) {
    values_.resize(command_.parameters.size());
  }

  Result<void> read() {
    while (at_ < words_.size()) {
      const std::string word = words_[at_++];
      if (is_named(word)) {
        RB_TRY(take_named(std::string_view(word).substr(1)));
      } else {
        RB_TRY(take_positional(word));
      }
    }
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const InteractiveParameter& p = command_.parameters[i];
      if (values_[i]) {
        out_.parameters.emplace_back(p.name, std::move(*values_[i]));
      } else if (!p.optional && p.kind != Kind::toggle) {
        return wrong("'" + command_.name + "' needs " + p.name);
      }
    }
    return {};
  }

 private:
  Result<std::string> next_value(std::string_view name) {
    if (at_ == words_.size()) {
      return wrong("-" + std::string(name) + " needs a value");
    }
    return std::move(words_[at_++]);
  }

  Result<void> take_named(std::string_view name) {
    if (equals_ignore_case(name, "output")) {
      RB_TRY_ASSIGN(const std::string value, next_value(name));
      const auto output = as_output(value);
      if (!output) {
        return wrong("-output is json or table, not '" + value + "'");
      }
      out_.json = *output;
      return {};
    }
    for (std::size_t i = 0; i < command_.parameters.size(); ++i) {
      if (!equals_ignore_case(command_.parameters[i].name, name)) {
        continue;
      }
      if (command_.parameters[i].kind == Kind::toggle) {
        return set(i, "true");
      }
      RB_TRY_ASSIGN(std::string value, next_value(name));
      return set(i, std::move(value));
    }
    return wrong("'" + command_.name + "' has no -" + std::string(name) + "; it has" +
                 names_of(command_));
  }

  Result<void> take_positional(const std::string& word) {
    const auto output = command_.columns.empty() ? std::nullopt : as_output(word);
    for (std::size_t i = 0; i < command_.parameters.size(); ++i) {
      const InteractiveParameter& p = command_.parameters[i];
      if (!p.positional || values_[i] || (output && p.kind == Kind::number)) {
        continue;
      }
      return set(i, word);
    }
    if (!output) {
      return wrong("'" + word + "' is one word too many for '" + command_.name +
                   "'; what has blanks needs quotes");
    }
    out_.json = *output;
    return {};
  }

  Result<void> set(std::size_t i, std::string value) {
    const InteractiveParameter& p = command_.parameters[i];
    if (values_[i]) {
      return wrong(p.name + " is there twice");
    }
    if (p.kind == Kind::number && !is_number(value)) {
      return wrong(p.name + " is a number, not '" + value + "'");
    }
    if (value.empty()) {
      return wrong(p.name + " is empty");
    }
    values_[i] = std::move(value);
    return {};
  }

  CommandLine& out_;
  const InteractiveCommand& command_;
  std::vector<std::string> words_;
  std::vector<std::optional<std::string>> values_;  // by parameter
  std::size_t at_ = 0;
};

std::string below(const std::string& folder, const std::string& path) {
  if (path.starts_with('/')) {
    return path;
  }
  return (folder.ends_with('/') ? folder : folder + "/") + path;
}

Result<std::string> library_name(const CommandLine& line, std::string_view parameter) {
  std::string name = *line.parameter(parameter);
  if (!is_library_name(name)) {
    return wrong("'" + name + "' is not the name of a library file");
  }
  return name;
}

// Its parameters are words of the command: a built-in one, a terminal.
Result<SubmitCommand> command_in_words(const CommandLine& line, const std::string& folder) {
  std::vector<std::string> words;
  words.reserve(line.parameters.size());
  for (const auto& [name, value] : line.parameters) {
    words.push_back(name);
    words.back().append("=").append(value);
  }
  SubmitCommand out;
  out.type = line.command->by == DoneBy::agent ? action::CommandType::built_in
                                               : action::CommandType::terminal;
  out.file_name = line.command->name;
  out.args = protocol::join_words(words);
  out.path = folder;
  // Of the keys that MDE has for parameters.
  out.params = {{"Args", out.file_name + (words.empty() ? "" : " ") + *out.args}, {"Path", folder}};
  if (out.type == action::CommandType::terminal) {
    if (auto order = protocol::parse_terminal(*out.args); !order) {
      return wrong(order.error().message);
    }
  }
  return out;
}

}  // namespace

const InteractiveCommand* find_command(const InteractiveTable& table, std::string_view name) {
  for (const InteractiveCommand& command : table) {
    const bool is_alias =
        std::any_of(command.aliases.begin(), command.aliases.end(),
                    [name](const std::string& alias) { return equals_ignore_case(alias, name); });
    if (is_alias || equals_ignore_case(command.name, name)) {
      return &command;
    }
  }
  return nullptr;
}

std::optional<std::string> CommandLine::parameter(std::string_view name) const {
  for (const auto& [known, value] : parameters) {
    if (known == name) {
      return value;
    }
  }
  return std::nullopt;
}

Result<CommandLine> parse_command_line(const InteractiveTable& table, std::string_view line) {
  CommandLine out;
  std::string_view text = trimmed(line);
  if (const auto mark = last_unquoted(text, '&'); mark && *mark + 1 == text.size()) {
    out.background = true;
    text = trimmed(text.substr(0, *mark));
  }
  if (const auto mark = last_unquoted(text, '>')) {
    auto behind = protocol::split_words(text.substr(*mark + 1));
    if (!behind || behind->size() != 1 || behind->front().empty()) {
      return wrong("one name of a file stands behind '>'");
    }
    out.file = std::move(behind->front());
    text = trimmed(text.substr(0, *mark));
  }
  auto words = protocol::split_words(text);
  if (!words) {
    return wrong(words.error().message);
  }
  if (words->empty()) {
    return wrong("no command is there; help lists them");
  }
  const std::string name = std::move(words->front());
  words->erase(words->begin());
  out.command = find_command(table, name);
  if (out.command == nullptr) {
    return wrong("'" + name + "' is no command; help lists them");
  }
  if (out.background && out.command->by == DoneBy::client) {
    return wrong("'" + out.command->name + "' does nothing on the machine, so it needs no '&'");
  }
  RB_TRY(Reader(out, std::move(*words)).read());
  return out;
}

Result<SubmitCommand> command_of_line(const CommandLine& line, const std::string& folder) {
  SubmitCommand out;
  const std::string& name = line.command->name;
  if (line.command->by == DoneBy::agent || name == "terminal") {
    return command_in_words(line, folder);
  }
  if (name == "collect") {
    out.type = action::CommandType::collect;
    out.file_name = name;
    out.params = {{"Args", name}};
    return out;
  }
  if (name == "getfile") {
    out.type = action::CommandType::get_file;
    out.path = below(folder, *line.parameter("path"));
    out.params = {{"Path", out.path}};
    return out;
  }
  if (name == "putfile") {
    out.type = action::CommandType::put_file;
    RB_TRY_ASSIGN(out.file_name, library_name(line, "file"));
    out.keep = true;
    out.params = {{"FileName", out.file_name}};
    return out;
  }
  RB_TRY_ASSIGN(out.file_name, library_name(line, "script"));
  out.params = {{"ScriptName", out.file_name}};
  if (auto args = line.parameter("parameters")) {
    out.params.push_back({"Args", *args});
    out.args = std::move(args);
  }
  return out;
}

}  // namespace reachback::server
