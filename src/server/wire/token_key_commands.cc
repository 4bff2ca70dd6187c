#include "server/wire/token_key_commands.h"

#include <CLI/CLI.hpp>

#include "server/wire/admin_request.h"

namespace reachback::server {
namespace {

std::string show_keys(const json::Object& a) {
  std::string out;
  for (const auto& entry : a.at("keys").as_array()) {
    const json::Object& key = entry.as_object();
    out += (out.empty() ? "" : "\n") + string_of(key, "id") + "  " + string_of(key, "alg") +
           (key.at("signs").as_bool() ? "  signs" : "  signed until " + string_of(key, "until")) +
           "  kid " + string_of(key, "kid");
  }
  return out;
}

}  // namespace

void add_token_key_commands(CLI::App& cli, TokenKeyOptions& o, const AdminRun& run, int& status) {
  auto* key = cli.add_subcommand("token-key", "the keys that sign tokens; at once");
  key->require_subcommand(1);
  auto command = [key, &o](const char* name, const char* what) {
    auto* c = key->add_subcommand(name, what);
    c->add_option("--data", o.data, "the data folder")->required();
    c->add_flag("--json", o.json, "print one JSON object");
    return c;
  };
  auto* list = command("list", "list the keys; the last one signs");
  list->callback([&] { status = run.ask(o, {{"command", "token_key_list"}}, show_keys); });
  auto* add = command("add", "make a key, which signs from now on; the others still count");
  add->add_option("--alg", o.algorithm, "ES256 or RS256")->capture_default_str();
  add->callback([&] {
    status = run.ask(o, {{"command", "token_key_add"}, {"alg", o.algorithm}},
                     [](const json::Object& a) { return string_of(a, "id"); });
  });
  auto* retire = command("retire", "remove a key: its tokens count no more");
  retire->add_option("id", o.id, "of token-key list")->required();
  retire->add_flag("--force", o.force, "even if tokens of the last hour are signed by it");
  retire->callback([&] {
    status = run.ask(o, {{"command", "token_key_retire"}, {"id", o.id}, {"force", o.force}},
                     [](const json::Object&) { return std::string("retired"); });
  });
}

}  // namespace reachback::server
