#include "agent/builtin/homes.h"

#include <algorithm>
#include <set>

#include "agent/builtin/authorized_key.h"
#include "agent/builtin/unit_file.h"
#include "agent/command/find_file.h"

namespace reachback::agent::builtin {
namespace {

class Home {
 public:
  Home(Output& output, PlaceTeller& teller, const std::string& path)
      : output_(output), teller_(teller), path_(path) {}

  void tell_shells() {
    for (const char* name :
         {".profile", ".bash_profile", ".bash_login", ".bashrc", ".bash_logout", ".zshenv",
          ".zprofile", ".zshrc", ".zlogin", ".config/fish/config.fish", ".xprofile", ".xinitrc",
          ".xsession", ".pam_environment"}) {
      teller_.tell("shell_rc", path_in(path_, name));
    }
  }

  void tell_ssh() {
    for (const char* name : {".ssh/authorized_keys", ".ssh/authorized_keys2"}) {
      const std::string path = path_in(path_, name);
      if (const auto found = teller_.look(path)) {
        tell_keys(path, *found);
      }
    }
    teller_.tell("ssh_rc", path_in(path_, ".ssh/rc"));
  }

  void tell_units() {
    std::vector<std::string> drop_in_folders;
    names_left_ -= teller_.each_entry(
        {path_in(path_, ".config/systemd/user"), path_in(path_, ".local/share/systemd/user")},
        [&](const std::string& path, const Found& found) {
          if (!S_ISDIR(found.status.stx_mode)) {
            tell_unit("user_unit", path, found);
          } else if (path.ends_with(".d")) {
            drop_in_folders.push_back(path);
          }
        },
        names_left_);
    each_file(drop_in_folders, [this](const std::string& path, const Found& found) {
      tell_unit("user_drop_in", path, found);
    });
  }

  void tell_autostart() {
    each_file({path_in(path_, ".config/autostart")},
              [this](const std::string& path, const Found& found) {
                if (path.ends_with(".desktop")) {
                  teller_.tell("autostart", path, found, exec_of_desktop(text(path, found)));
                }
              });
  }

 private:
  void each_file(const std::vector<std::string>& folders, const PlaceTeller::Take& take) {
    names_left_ -= teller_.each_file(folders, take, names_left_);
  }

  std::string text(const std::string& path, const Found& found) {
    if (bytes_left_ == 0) {
      output_.note("ReadFailed: " + shown_path(path_) + ": only the first " +
                   std::to_string(kHomeBytesMax) + " bytes of its files were read");
      return {};
    }
    auto text = text_of(found, path, output_, std::min(bytes_left_, kTextBytesMax)).value_or("");
    bytes_left_ -= text.size();
    return text;
  }

  void tell_unit(std::string_view kind, const std::string& path, const Found& found) {
    UnitFile file;
    file.add(text(path, found));
    teller_.tell(kind, path, found, joined(start_settings(file)));
  }

  void tell_keys(const std::string& path, const Found& found) {
    std::size_t rows = 0;
    for_each_line(text(path, found), [&](std::size_t, std::string_view raw) {
      const auto line = trimmed(raw);
      if (line.empty() || line.starts_with('#')) {
        return;
      }
      if (++rows <= kHomeRowsMax) {
        teller_.tell("authorized_key", path, found, detail_of_key(line));
      }
    });
    if (rows > kHomeRowsMax) {
      output_.note("ReadFailed: " + shown_path(path) + ": only the first " +
                   std::to_string(kHomeRowsMax) + " of its " + std::to_string(rows) +
                   " keys were told");
    }
  }

  Output& output_;
  PlaceTeller& teller_;
  const std::string& path_;
  std::size_t names_left_ = kHomeFilesMax;
  std::size_t bytes_left_ = kHomeBytesMax;
};

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

void tell_home(Output& output, PlaceTeller& teller, const std::string& home) {
  Home teller_of_home(output, teller, home);
  teller_of_home.tell_shells();
  teller_of_home.tell_ssh();
  teller_of_home.tell_units();
  teller_of_home.tell_autostart();
}

}  // namespace reachback::agent::builtin
