#include "agent/builtin/homes.h"

#include <algorithm>
#include <set>

#include "agent/builtin/unit_file.h"

namespace reachback::agent::builtin {
namespace {

bool is_key_type(std::string_view word) {
  return word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-");
}

// "ssh-ed25519 AAAA… comment", options in front of it or not: the options may hold quoted blanks,
// so the type is looked for. What the key lets do is told, the key itself is not.
std::string detail_of_key(std::string_view line) {
  const auto words = words_of(line);
  const auto type = std::find_if(words.begin(), words.end(), is_key_type);
  if (type == words.end()) {
    return "not understood";
  }
  std::string detail(*type);
  // The key itself is the next word; its comment is all behind it.
  for (auto at = static_cast<std::size_t>(type - words.begin()) + 2; at < words.size(); ++at) {
    detail += " " + std::string(words[at]);
  }
  if (type != words.begin()) {
    const auto options = line.substr(0, static_cast<std::size_t>(type->data() - line.data()));
    detail += " (" + std::string(trimmed(options)) + ")";
  }
  return detail;
}

}  // namespace

std::vector<std::string> homes(const System& system, Output& output) {
  std::vector<std::string> out;
  std::set<std::string> seen = {"", "/"};
  for (const Account& account : read_accounts(system, output)) {
    if (account.home.starts_with('/') && seen.insert(account.home).second) {
      out.push_back(account.home);
    }
  }
  return out;
}

void tell_home(const System& system, Output& output, PlaceTeller& teller, const std::string& home) {
  for (const char* name : {".profile", ".bash_profile", ".bash_login", ".bashrc", ".bash_logout",
                           ".zshenv", ".zprofile", ".zshrc", ".zlogin", ".config/fish/config.fish",
                           ".xprofile", ".xinitrc", ".xsession", ".pam_environment"}) {
    teller.tell("shell_rc", home + "/" + name);
  }
  for (const char* name : {".ssh/authorized_keys", ".ssh/authorized_keys2"}) {
    const std::string path = home + "/" + name;
    const auto text = system.text(path, output);
    for_each_line(text.value_or(""), [&](std::size_t, std::string_view raw) {
      const auto line = trimmed(raw);
      if (!line.empty() && !line.starts_with('#')) {
        teller.tell("authorized_key", path, detail_of_key(line));
      }
    });
  }
  teller.tell("ssh_rc", home + "/.ssh/rc");
  teller.each_file({home + "/.config/systemd/user", home + "/.local/share/systemd/user"},
                   [&](const std::string& path) {
                     UnitFile file;
                     file.add(system.text(path, output).value_or(""));
                     teller.tell("user_unit", path, joined(file.values("Service", "ExecStart")));
                   });
}

}  // namespace reachback::agent::builtin
