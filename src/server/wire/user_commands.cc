#include "server/wire/user_commands.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/log.h"
#include "server/ports/passwords.h"
#include "server/wire/admin_request.h"
#include "server/wire/init.h"

namespace reachback::server {
namespace {

std::string show_user(const json::Object& a) {
  std::string out =
      "user           " + escape_for_terminal(string_of(a, "name")) + "  " + string_of(a, "userId");
  if (a.contains("password")) {
    out += "\npassword       " + string_of(a, "password") + "   (shown once)";
  }
  if (a.contains("oneTimeCodeKey")) {
    out += "\none-time codes " + string_of(a, "oneTimeCodeKey") +
           "   (shown once; for an authenticator app)\n               " +
           string_of(a, "oneTimeCodeUri");
  }
  return out;
}

std::string words(const json::Value& list) {
  std::string out;
  for (const auto& word : list.as_array()) {
    out += (out.empty() ? "" : ",") + escape_for_terminal(std::string(word.as_string().c_str()));
  }
  return out;
}

std::string show_users(const json::Object& a) {
  std::string out;
  for (const auto& entry : a.at("users").as_array()) {
    const json::Object& user = entry.as_object();
    out += out.empty() ? "" : "\n";
    out += string_of(user, "userId") + "  " + escape_for_terminal(string_of(user, "name")) + "  " +
           words(user.at("roles"));
    const std::string groups = words(user.at("groups"));
    out += "  machines: " + (groups.empty() ? "all" : groups);
    if (!user.at("oneTimeCodes").as_bool()) {
      out += "  no one-time codes";
    }
    if (user.at("disabled").as_bool()) {
      out += "  disabled";
    }
  }
  return out.empty() ? "none" : out;
}

std::string show_group(const json::Object& group) {
  return std::to_string(group.at("id").to_number<std::int64_t>()) + "  " +
         escape_for_terminal(string_of(group, "name")) + "  tag " +
         escape_for_terminal(string_of(group, "tag"));
}

std::string show_groups(const json::Object& a) {
  std::string out;
  for (const auto& entry : a.at("groups").as_array()) {
    out += (out.empty() ? "" : "\n") + show_group(entry.as_object());
  }
  return out.empty() ? "none" : out;
}

std::string show_done(const json::Object&) {
  return "done";
}

json::Array array_of(const std::vector<std::string>& words) {
  return json::Array(words.begin(), words.end());
}

// One line of standard input, so that a password is in no process list. Errors: invalid_input.
Result<std::string> read_password() {
  std::string line;
  if (!std::getline(std::cin, line) || line.empty() || line.size() > kPasswordBytesMax) {
    return Error{Errc::invalid_input, "--password-stdin: one line of at most 256 bytes is read"};
  }
  return line;
}

// Holds references only: each callback keeps a copy.
class UserCommands {
 public:
  UserCommands(UserOptions& o, const AdminRun& run, int& status)
      : o_(o), run_(run), status_(status) {}

  void add_users(CLI::App& cli) {
    auto* user = cli.add_subcommand("user", "people who may sign in");
    user->require_subcommand(1);
    auto* create = named(user, "create", "add a user; prints the password and the key for codes");
    create
        ->add_option("--role", o_.roles,
                     "viewer, live-response-basic, live-response-advanced, library, approver or "
                     "admin; may be repeated")
        ->required();
    create->add_option("--group", o_.groups,
                       "a device group it may see; may be repeated. None: every machine");
    create->add_flag("--password-stdin", o_.password_stdin, "the password is read, not made");
    create->add_flag("--no-one-time-codes", o_.no_one_time_codes, "a password is enough");
    create->callback([c = *this] {
      c.ask_with_password({{"command", "user_create"},
                           {"name", c.o_.name},
                           {"roles", array_of(c.o_.roles)},
                           {"groups", array_of(c.o_.groups)},
                           {"noOneTimeCodes", c.o_.no_one_time_codes}});
    });
    auto* list = plain(user, "list", "list the users");
    list->callback(
        [c = *this] { c.status_ = c.run_.ask(c.o_, {{"command", "user_list"}}, show_users); });
    auto* set = named(user, "set", "change what a user may; counts at once");
    set->add_option("--role", o_.roles, "all of its roles from now on");
    auto* groups = set->add_option("--group", o_.groups, "all of its device groups from now on");
    set->add_flag("--all-machines", o_.all_machines, "no device group: every machine")
        ->excludes(groups);
    auto* disable = set->add_flag("--disable", o_.disable, "it cannot sign in; its tokens end");
    set->add_flag("--enable", o_.enable, "it can again")->excludes(disable);
    set->callback([c = *this] { c.set_user(); });
    auto* password = named(user, "password", "give a user a new password; its tokens end");
    password->add_flag("--password-stdin", o_.password_stdin, "the password is read, not made");
    password->callback(
        [c = *this] { c.ask_with_password({{"command", "user_password"}, {"name", c.o_.name}}); });
    auto* totp = named(user, "totp", "give a user a new key for one-time codes; its tokens end");
    totp->add_flag("--off", o_.off, "no key: a password is enough");
    totp->callback([c = *this] {
      c.status_ = c.run_.ask(
          c.o_, {{"command", "user_totp"}, {"name", c.o_.name}, {"off", c.o_.off}}, show_user);
    });
    simple(named(user, "end-tokens", "end a user's tokens; it may sign in again"),
           "user_end_tokens");
    simple(named(user, "delete", "remove a user; its tokens end"), "user_delete");
  }

  void add_groups(CLI::App& cli) {
    auto* group = cli.add_subcommand("group", "device groups: machines by tag, for users");
    group->require_subcommand(1);
    auto* create = named(group, "create", "add a device group");
    create->add_option("--tag", o_.tag, "machines with this tag belong to it")->required();
    create->callback([c = *this] {
      c.status_ = c.run_.ask(
          c.o_, {{"command", "group_create"}, {"name", c.o_.name}, {"tag", c.o_.tag}}, show_group);
    });
    auto* list = plain(group, "list", "list the device groups");
    list->callback(
        [c = *this] { c.status_ = c.run_.ask(c.o_, {{"command", "group_list"}}, show_groups); });
    simple(named(group, "delete", "remove a device group that no user is assigned to"),
           "group_delete");
  }

 private:
  CLI::App* plain(CLI::App* of, const std::string& name, const std::string& what) {
    auto* c = of->add_subcommand(name, what);
    c->add_option("--data", o_.data, "the data folder")->required();
    c->add_flag("--json", o_.json, "print one JSON object");
    return c;
  }
  CLI::App* named(CLI::App* of, const std::string& name, const std::string& what) {
    auto* c = plain(of, name, what);
    c->add_option("name", o_.name)->required();
    return c;
  }
  void simple(CLI::App* c, const std::string& command) {
    c->callback([c = *this, command] {
      c.status_ = c.run_.ask(c.o_, {{"command", command}, {"name", c.o_.name}}, show_done);
    });
  }
  void set_user() const {
    json::Object request{{"command", "user_set"},
                         {"name", o_.name},
                         {"roles", array_of(o_.roles)},
                         {"groups", array_of(o_.groups)},
                         {"allMachines", o_.all_machines}};
    if (o_.disable || o_.enable) {
      request["disabled"] = o_.disable;
    }
    status_ = run_.ask(o_, std::move(request), show_done);
  }
  void ask_with_password(json::Object request) const {
    if (o_.password_stdin) {
      auto password = read_password();
      if (!password) {
        status_ = run_.fail(password.error());
        return;
      }
      request["password"] = *password;
    }
    status_ = run_.ask(o_, std::move(request), show_user);
  }

  UserOptions& o_;
  const AdminRun& run_;
  int& status_;
};

}  // namespace

void add_user_commands(CLI::App& cli, UserOptions& options, const AdminRun& run, int& status) {
  UserCommands commands(options, run, status);
  commands.add_users(cli);
  commands.add_groups(cli);
}

}  // namespace reachback::server
