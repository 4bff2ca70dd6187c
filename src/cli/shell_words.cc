#include "cli/shell_words.h"

#include <algorithm>

#include "base/bytes.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

std::string first_word(const std::string& text) {
  const std::size_t from = text.find_first_not_of(' ');
  return from == std::string::npos ? std::string() : text.substr(from, text.find(' ', from) - from);
}

std::size_t words_in(const std::string& text) {
  std::size_t out = 0;
  for (std::size_t at = 0; (at = text.find_first_not_of(' ', at)) != std::string::npos;) {
    ++out;
    at = std::min(text.find(' ', at), text.size());
  }
  return out;
}

bool begins_with(const std::string& text, const std::string& beginning) {
  return equals_ignore_case(std::string_view(text).substr(0, beginning.size()), beginning);
}

std::size_t common_size(const std::string& a, const std::string& b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                                  a.begin());
}

std::string value_of(const Fields& parameter) {
  std::string kind = parameter.text("kind");
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return kind;
}

}  // namespace

std::string usage_of(const Fields& command) {
  std::string out = command.text("name");
  for (const Fields& parameter : command.objects("parameters")) {
    const bool is_positional = parameter.text("positional") == "true";
    const std::string name = parameter.text("name");
    const std::string word = is_positional ? name
                             : parameter.text("kind") == "switch"
                                 ? "-" + name
                                 : "-" + name + " " + value_of(parameter);
    const bool is_optional = !is_positional || parameter.text("optional") == "true";
    out += is_optional ? " [" + word + "]" : " " + word;
  }
  return out;
}

Result<std::vector<Fields>> ShellWords::rows() const {
  std::vector<Fields> out;
  for (const Fields& command : commands_) {
    RB_TRY_ASSIGN(Fields row,
                  Fields::parse(json::write(json::Object{{"command", command.text("name")},
                                                         {"summary", command.text("summary")}})));
    out.push_back(std::move(row));
  }
  return out;
}

Result<Fields> ShellWords::find(const std::string& name) const {
  for (const Fields& command : commands_) {
    const std::vector<std::string> aliases = command.texts("aliases");
    if (equals_ignore_case(command.text("name"), name) ||
        std::any_of(aliases.begin(), aliases.end(), [&name](const std::string& alias) {
          return equals_ignore_case(alias, name);
        })) {
      return command;
    }
  }
  return Error{Errc::not_found, "there is no command '" + name + "': help lists them"};
}

std::string explain(const Fields& command) {
  const std::vector<std::string> aliases = command.texts("aliases");
  std::string out = usage_of(command) + "\n" + command.text("summary") + "\n";
  for (std::size_t i = 0; i < aliases.size(); ++i) {
    out += (i == 0 ? "also: " : ", ") + aliases[i];
  }
  return aliases.empty() ? out : out + "\n";
}

std::vector<std::string> ShellWords::names() const {
  std::vector<std::string> out;
  for (const Fields& command : commands_) {
    out.push_back(command.text("name"));
    const std::vector<std::string> aliases = command.texts("aliases");
    out.insert(out.end(), aliases.begin(), aliases.end());
  }
  std::sort(out.begin(), out.end());
  return out;
}

Completion complete_line(const std::string& before, const std::vector<std::string>& commands,
                         const std::function<std::vector<std::string>()>& library) {
  const std::size_t space = before.rfind(' ');
  const std::string word = space == std::string::npos ? before : before.substr(space + 1);
  const std::string command = first_word(before);
  const std::size_t position = words_in(before) - (word.empty() ? 0 : 1);
  std::vector<std::string> found;
  if (position == 0 || (position == 1 && equals_ignore_case(command, "help"))) {
    found = commands;
  } else if (position == 1 &&
             (equals_ignore_case(command, "run") || equals_ignore_case(command, "putfile") ||
              equals_ignore_case(command, "put"))) {
    found = library();
  }
  std::erase_if(found, [&word](const std::string& one) { return !begins_with(one, word); });
  Completion out;
  if (found.empty()) {
    return out;
  }
  std::size_t common = found.front().size();
  for (const std::string& one : found) {
    common = std::min(common, common_size(found.front(), one));
  }
  out.insert =
      found.front().substr(std::min(word.size(), common), common - std::min(word.size(), common));
  if (found.size() == 1) {
    out.insert += ' ';
  } else if (out.insert.empty()) {
    out.choices = std::move(found);
  }
  return out;
}

}  // namespace reachback::cli
