#include "cli/completion.h"

#include <algorithm>

namespace reachback::cli {
namespace {

constexpr const char* kBash = R"(# Words for reachback in bash: source <(reachback completion bash)
_reachback() {
  local word line
  COMPREPLY=()
  word=${COMP_WORDS[COMP_CWORD]}
  while IFS= read -r line; do
    if [ "$line" = "@files" ]; then
      compopt -o default
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$word")
    else
      COMPREPLY+=("$line")
    fi
  done < <(reachback __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _reachback reachback
)";

constexpr const char* kZsh = R"(#compdef reachback
# Words for reachback in zsh: source <(reachback completion zsh)
_reachback() {
  local -a found
  found=("${(@f)$(reachback __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("${(@)found:#}")
  if (( ${found[(Ie)@files]} )); then
    found=("${(@)found:#@files}")
    _files
  fi
  (( ${#found} )) && compadd -- "${found[@]}"
}
if [ "$funcstack[1]" = "_reachback" ]; then
  _reachback "$@"
else
  compdef _reachback reachback
fi
)";

constexpr const char* kFish = R"(# Words for reachback in fish: reachback completion fish | source
function __reachback_words
    set -l words (commandline -opc) (commandline -ct)
    for line in (reachback __complete $words[2..-1] 2>/dev/null)
        if test "$line" = "@files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c reachback -f -a '(__reachback_words)'
)";

const OptionManual* find_option(const CommandManual& command, const std::string& word) {
  for (const OptionManual& option : command.options) {
    if (std::find(option.words.begin(), option.words.end(), word) != option.words.end()) {
      return &option;
    }
  }
  return nullptr;
}

const CommandManual* step_into(const CommandManual& command, const std::string& word) {
  for (const CommandManual& sub : command.commands) {
    if (sub.name == word || sub.name.ends_with(" " + word)) {
      return &sub;
    }
  }
  return nullptr;
}

// Candidates of one kind of value.
std::vector<std::string> of_kind(const std::string& kind, const AskServer& ask) {
  if (kind == "FILE" || kind == "RESULT") {
    return {"@files"};
  }
  if (kind == "SHELL") {
    return {"bash", "zsh", "fish"};
  }
  if (kind == "MACHINE" || kind == "SCRIPT" || kind == "NAME" || kind == "TAG" || kind == "ID") {
    return ask(kind);
  }
  return {};
}

void add(std::vector<std::string>& out, const std::vector<std::string>& more) {
  out.insert(out.end(), more.begin(), more.end());
}

std::vector<std::string> by_position(const CommandManual& command, std::size_t position,
                                     const AskServer& ask) {
  std::vector<std::string> out;
  if (command.words.empty()) {
    return out;
  }
  const OptionManual& word = command.words[std::min(position, command.words.size() - 1)];
  if (position >= command.words.size() && !word.repeats) {
    return out;
  }
  add(out, of_kind(word.value, ask));
  if (position > 0 && command.name == "run") {  // one more machine, or the script
    add(out, of_kind("SCRIPT", ask));
  } else if (position > 0 && command.name == "put") {
    add(out, of_kind("FILE", ask));
  }
  return out;
}

}  // namespace

std::vector<std::string> complete(const CommandManual& program,
                                  const std::vector<std::string>& words, const AskServer& ask) {
  const CommandManual* command = &program;
  const OptionManual* open = nullptr;  // an option that waits for its value
  std::size_t position = 0;
  const std::string last = words.empty() ? "" : words.back();
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (open != nullptr) {
      open = nullptr;
    } else if (word == "--") {
      return {"@files"};  // the script's own words
    } else if (word.starts_with('-') && word.size() > 1) {
      const OptionManual* option = find_option(*command, word);
      open = option != nullptr && !option->value.empty() ? option : nullptr;
    } else if (const CommandManual* sub = step_into(*command, word)) {
      command = sub;
    } else {
      ++position;
    }
  }
  std::vector<std::string> found;
  if (open != nullptr) {
    found = of_kind(open->value, ask);
  } else if (last.starts_with('-')) {
    for (const OptionManual& option : command->options) {
      add(found, option.words);
    }
  } else if (!command->commands.empty()) {
    for (const CommandManual& sub : command->commands) {
      found.push_back(sub.name.substr(sub.name.rfind(' ') + 1));
    }
  } else {
    found = by_position(*command, position, ask);
  }
  std::erase_if(found, [&last](const std::string& candidate) {
    return candidate != "@files" && !candidate.starts_with(last);
  });
  return found;
}

std::string completion_script(const std::string& shell) {
  return shell == "bash" ? kBash : shell == "zsh" ? kZsh : kFish;
}

}  // namespace reachback::cli
