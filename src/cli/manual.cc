#include "cli/manual.h"

#include <fmt/format.h>

#include <algorithm>

namespace reachback::cli {
namespace {

constexpr std::size_t kColumnsMax = 100;
constexpr std::size_t kHelpColumn = 28;

std::string names_of(const OptionManual& option) {
  std::string out;
  for (const std::string& word : option.words) {
    out += (out.empty() ? "" : ",") + word;
  }
  return out.empty() ? option.value : option.value.empty() ? out : out + " " + option.value;
}

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// Words of `text` in lines of kColumnsMax, from column `indent` on; the first line has begun.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (column > indent && column + 1 + width(word) > kColumnsMax) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += width(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string entry(const std::string& name, const std::string& help) {
  std::string out = "  " + name;
  if (width(out) + 2 > kHelpColumn) {
    out += "\n" + std::string(kHelpColumn, ' ');
  } else {
    out += std::string(kHelpColumn - width(out), ' ');
  }
  return out + wrapped(help, kHelpColumn) + "\n";
}

std::string last_word(const std::string& path) {
  return path.substr(path.rfind(' ') + 1);
}

// ---- man's macros

// A hyphen that is typed is a minus for man; a line must not begin with a dot or a quote.
std::string roff(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (text.substr(i).starts_with("…")) {
      out += "\\&...";
      i += std::string_view("…").size() - 1;
    } else if ((c == '.' || c == '\'') && (i == 0 || text[i - 1] == '\n')) {
      out += std::string("\\&") + c;
    } else {
      out += c;
    }
  }
  return out;
}

// Lines that are set apart by two blanks stand as they are; the others flow.
std::string roff_notes(std::string_view notes) {
  std::string out;
  bool verbatim = false;
  while (!notes.empty()) {
    const std::size_t end = std::min(notes.find('\n'), notes.size());
    const std::string_view line = notes.substr(0, end);
    if (line.starts_with("  ") != verbatim) {
      verbatim = !verbatim;
      out += verbatim ? ".PP\n.nf\n" : ".fi\n.PP\n";
    } else if (!verbatim && !out.empty()) {
      out += ".br\n";
    }
    out += roff(line) + "\n";
    notes.remove_prefix(std::min(end + 1, notes.size()));
  }
  return out + (verbatim ? ".fi\n" : "");
}

std::string roff_entries(const std::vector<OptionManual>& options) {
  std::string out;
  for (const OptionManual& option : options) {
    out += ".TP\n.B " + roff(names_of(option)) + "\n" + roff(option.help) + "\n";
  }
  return out;
}

void add_command(std::string& out, const CommandManual& command) {
  if (command.commands.empty()) {
    out += ".SS reachback " + roff(command.name + " " + command.synopsis) + "\n";
    out += roff(command.help) + ".\n";
    out += roff_entries(command.words) + roff_entries(command.options);
    if (!command.notes.empty()) {
      out += ".PP\n" + roff_notes(command.notes);
    }
  }
  for (const CommandManual& sub : command.commands) {
    add_command(out, sub);
  }
}

}  // namespace

const CommandManual* find_command(const CommandManual& program, const std::string& path) {
  if (program.name == path) {
    return &program;
  }
  for (const CommandManual& command : program.commands) {
    if (const CommandManual* found = find_command(command, path)) {
      return found;
    }
  }
  return nullptr;
}

std::string help_text(const CommandManual& command) {
  std::string out = command.help + "\nUsage: reachback " + command.name +
                    (command.name.empty() ? "" : " ") + command.synopsis + "\n";
  if (!command.words.empty()) {
    out += "\n";
  }
  for (const OptionManual& word : command.words) {
    out += entry(names_of(word), word.help);
  }
  if (!command.options.empty()) {
    out += "\nOptions:\n";
  }
  for (const OptionManual& option : command.options) {
    out += entry(names_of(option), option.help);
  }
  if (!command.commands.empty()) {
    out += "\nCommands:\n";
  }
  for (const CommandManual& sub : command.commands) {
    out += entry(last_word(sub.name), sub.help);
  }
  return command.notes.empty() ? out : out + "\n" + command.notes + "\n";
}

std::string man_page(const CommandManual& program) {
  std::string out =
      ".\\\" Made by `reachback __man` from the tables behind --help: do not edit.\n"
      ".TH REACHBACK 1 \"\" \"Reachback " REACHBACK_VERSION
      "\" \"User Commands\"\n"
      ".SH NAME\nreachback \\- run live response on machines through a Reachback server\n"
      ".SH SYNOPSIS\n.B reachback\n" +
      roff(program.synopsis) + "\n.SH DESCRIPTION\n" + roff(program.help) + "\n";
  out +=
      ".PP\nEvery error is one line on standard error that says what to do. Standard output has "
      "the answer and nothing else. What machines tell is shown with control characters escaped "
      "where it goes to a terminal, and colours go to a terminal only, unless NO_COLOR is set.\n";
  out += ".SH OPTIONS\n" + roff_entries(program.options) + ".SH COMMANDS\n";
  add_command(out, program);
  return out + ".SH ENVIRONMENT AND EXIT STATUS\n" + roff_notes(program.notes) +
         ".SH FILES\n.TP\n.B ~/.config/reachback/config.toml\nThe settings above, as TOML.\n"
         ".TP\n.B ~/.config/reachback/logins.json\nTokens of reachback login; mode 0600.\n"
         ".SH SEE ALSO\ndocs/cli.md, docs/users.md\n";
}

}  // namespace reachback::cli
