#include "server/wire/program.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "crypto/digest.h"
#include "crypto/random.h"
#include "json/json.h"
#include "server/audit_file/audit_file.h"
#include "server/passwords/argon2_passwords.h"
#include "server/store_sqlite/store_sqlite.h"
#include "server/wire/admin.h"
#include "server/wire/admin_request.h"
#include "server/wire/admin_socket.h"
#include "server/wire/app_commands.h"
#include "server/wire/config.h"
#include "server/wire/data_folder.h"
#include "server/wire/init.h"
#include "server/wire/server.h"
#include "server/wire/signer.h"
#include "server/wire/token_key_commands.h"
#include "server/wire/user_commands.h"
#include "server/wire/verify_audit.h"
#include "server/wire/version.h"

namespace reachback::server {
namespace {

int fail(const Error& e) {
  std::fprintf(stderr, "reachback-server: %s\n", escape_for_terminal(e.message).c_str());
  return 1;
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

// Sends a command to the running server, or does it here when none runs.
Result<json::Object> administer_folder(const std::string& dir, const json::Object& request) {
  DataPaths paths(dir);
  RB_TRY(load_data_folder(paths));
  std::string answer;
  auto lock = lock_data_folder(paths);
  if (lock) {
    SqliteStoreOptions options;
    options.path = paths.database();
    RB_TRY_ASSIGN(auto store, SqliteStore::open(options));
    SystemClock clock;
    crypto::SystemRandom random;
    AdminDeps deps{store->apps(), clock, random, paths.revocations()};
    deps.machines = &store->machines();
    Argon2Passwords passwords(random);
    deps.users = &store->users();
    deps.passwords = &passwords;
    RB_TRY_ASSIGN(Config config, load_config("", paths.config()));
    std::unique_ptr<OrderKeyring> keyring;
    if (config.signer_socket.empty()) {
      RB_TRY_ASSIGN(keyring, OrderKeyring::open(paths.keys()));
    }
    deps.keyring = keyring.get();
    const std::string command = string_of(request, "command");
    std::unique_ptr<TokenKeyring> token_keys;
    std::unique_ptr<AuditFile> audit;
    if (command.starts_with("token_key_")) {
      RB_TRY_ASSIGN(token_keys, TokenKeyring::open(paths.keys()));
      deps.token_keys = token_keys.get();
    }
    if (command == "token_key_add" || command == "token_key_retire") {
      // No row of the database tells of it, so the audit's file does, with or without a server.
      AuditFileOptions audit_options;
      audit_options.path = paths.audit();
      RB_TRY_ASSIGN(audit, AuditFile::open(std::move(audit_options)));
      deps.audit = audit.get();
    }
    answer = administer(deps, json::write(request));
    RB_TRY(store->close());
  } else {
    auto asked = ask_admin_socket(paths.admin_socket(), json::write(request));
    if (!asked) {
      return Error{asked.error().code,
                   lock.error().message + ", and it does not answer: " + asked.error().message};
    }
    answer = std::move(*asked);
  }
  RB_TRY_ASSIGN(json::Value value, json::parse(answer));
  const json::Object& o = value.as_object();
  if (const auto* error = o.if_contains("error")) {
    return Error{Errc::invalid_input, std::string(error->as_string().c_str())};
  }
  return o.at("ok").as_object();
}

struct Options {
  std::string data, public_url, ttl = "1h";
  std::vector<std::string> tags;
  std::int64_t uses = 1;
  bool json = false;
  ServeOptions serve;
  std::string heads_file;
  std::string machine, keys, key_id;
  bool all = false, force = false;
  SignOptions signer;
};

int do_init(const Options& o) {
  auto made = init_data_folder(o.data, o.public_url);
  if (!made) {
    return fail(made.error());
  }
  if (o.json) {
    json::Object out;
    out["tenantId"] = made->tenant_id;
    out["clientId"] = made->client_id;
    out["clientSecret"] = made->client_secret;
    out["enrollmentToken"] = made->enrollment_token;
    out["caFile"] = made->ca_file;
    out["publicUrl"] = made->public_url;
    print(json::write(out));
    return 0;
  }
  print("Made " + o.data + ".\n\n  tenant            " + made->tenant_id +
        "\n  client id         " + made->client_id + "\n  client secret     " +
        made->client_secret + "   (shown once)\n  enrolment token   " + made->enrollment_token +
        "   (24 hours, 100 machines)\n  CA certificate    " + made->ca_file +
        "\n\nNext: reachback-server serve --data " + o.data);
  return 0;
}

int do_admin(const Options& o, const json::Object& request,
             const std::function<std::string(const json::Object&)>& show) {
  auto answer = administer_folder(o.data, request);
  if (!answer) {
    return fail(answer.error());
  }
  print(o.json ? json::write(*answer) : show(*answer));
  return 0;
}

std::string show_cleared(const json::Object& a) {
  std::string out;
  for (const auto& id : a.at("cleared").as_array()) {
    out += "cleared " + std::string(id.as_string().c_str()) + "\n";
  }
  return out.empty() ? "no machine is in quarantine" : out.substr(0, out.size() - 1);
}

std::string show_keys(const json::Object& a) {
  std::string out = "list " + std::to_string(a.at("version").to_number<std::uint64_t>());
  for (const auto& entry : a.at("keys").as_array()) {
    const json::Object& key = entry.as_object();
    out += "\n" + string_of(key, "id") + "  since list " +
           std::to_string(key.at("since").to_number<std::uint64_t>()) + "  machines without it: " +
           std::to_string(key.at("machinesWithoutIt").to_number<std::uint64_t>());
  }
  return out;
}

json::Array to_array(const std::vector<std::string>& texts) {
  return json::Array(texts.begin(), texts.end());
}

// With --keys: in the folder of a signer, which takes the change up by itself.
int do_add_key(const Options& o) {
  if (o.keys.empty()) {
    return do_admin(o, {{"command", "signing_key_add"}},
                    [](const json::Object& a) { return string_of(a, "id"); });
  }
  auto keyring = OrderKeyring::open(o.keys);
  auto id = keyring ? (*keyring)->add() : Result<std::string>(keyring.error());
  if (!id) {
    return fail(id.error());
  }
  print(*id);
  return 0;
}

int do_retire_key(const Options& o) {
  if (o.keys.empty()) {
    return do_admin(o, {{"command", "signing_key_retire"}, {"id", o.key_id}, {"force", o.force}},
                    [](const json::Object& a) {
                      return "retired; machines left out: " +
                             std::to_string(a.at("leftOut").to_number<std::uint64_t>());
                    });
  }
  if (!o.force) {
    return fail(
        Error{Errc::conflict,
              "a signer does not know which machines hold which key: see that every machine "
              "has connected since the newer key was added, then use --force"});
  }
  auto keyring = OrderKeyring::open(o.keys);
  auto retired = keyring ? (*keyring)->retire(o.key_id) : Result<void>(keyring.error());
  if (!retired) {
    return fail(retired.error());
  }
  print("retired");
  return 0;
}

void add_key_commands(CLI::App& cli, Options& o, int& status) {
  auto* key = cli.add_subcommand("signing-key", "the keys that sign orders");
  key->require_subcommand(1);
  auto where = [&o](CLI::App* c) {
    auto* data = c->add_option("--data", o.data, "the data folder");
    c->add_option("--keys", o.keys, "the folder of a signer's keys instead")->excludes(data);
    c->add_flag("--json", o.json, "print one JSON object");
  };
  auto* add = key->add_subcommand(
      "add", "make a new key; agents learn it when they connect, on the word of the old ones");
  where(add);
  add->callback([&] { status = do_add_key(o); });
  auto* list = key->add_subcommand("list", "list the keys, and how many machines lack them");
  list->add_option("--data", o.data, "the data folder")->required();
  list->add_flag("--json", o.json, "print one JSON object");
  list->callback([&] { status = do_admin(o, {{"command", "signing_key_list"}}, show_keys); });
  auto* retire = key->add_subcommand("retire", "remove a key: its orders are obeyed no more");
  where(retire);
  retire->add_option("id", o.key_id, "of signing-key list")->required();
  retire->add_flag("--force", o.force, "even if machines hold no other key");
  retire->callback([&] { status = do_retire_key(o); });

  auto* signer = cli.add_subcommand(
      "signer", "hold the order keys apart from the server, and sign orders over a socket");
  signer->add_option("--keys", o.signer.keys, "the folder of the keys")->required();
  signer->add_option("--socket", o.signer.socket, "the socket's path; mode 0600")->required();
  signer->add_option("--log", o.signer.log, "what was signed; default: KEYS/signed.log");
  signer->add_option("--allow-uid", o.signer.uids,
                     "a user beside root and the signer's own that may ask; may be repeated");
  signer->callback([&] {
    auto done = sign_until_signal(o.signer);
    status = done ? 0 : fail(done.error());
  });
}

int do_verify_audit(const Options& o) {
  auto whole = verify_audit(DataPaths(o.data), o.heads_file);
  if (!whole) {
    return fail(whole.error());
  }
  std::string text = "The audit log is whole: " + std::to_string(whole->file_records) +
                     " records in the file, " + std::to_string(whole->database_rows) +
                     " in the database, " + std::to_string(whole->links) +
                     " links between them agree";
  if (whole->kept > 0) {
    text += ", and so do " + std::to_string(whole->kept) + " exported heads";
  }
  print(text + ".");
  return 0;
}

}  // namespace

int run_server_program(int argc, char** argv) {
  CLI::App cli{
      "Reachback server: self-hosted live response over the API of Microsoft Defender for "
      "Endpoint"};
  cli.require_subcommand(1);
  cli.set_version_flag("--version", std::string("reachback-server ") + kVersion);
  Options o;
  int status = 0;
  auto data = [&o](CLI::App* c) { c->add_option("--data", o.data, "the data folder")->required(); };
  auto json_flag = [&o](CLI::App* c) { c->add_flag("--json", o.json, "print one JSON object"); };

  auto* init = cli.add_subcommand(
      "init", "make a data folder: keys, CA, database, a tenant and an administrator application");
  data(init);
  json_flag(init);
  init->add_option(
      "--public-url", o.public_url,
      "how clients reach the server, https://host[:port]; default: the address of each start");
  init->callback([&] { status = do_init(o); });

  auto* serve = cli.add_subcommand("serve", "run the server; SIGTERM drains it");
  data(serve);
  serve->add_option("--listen", o.serve.listen, "address of the API")->capture_default_str();
  serve->add_option("--agent-listen", o.serve.agent_listen, "address of the agents' listener")
      ->capture_default_str();
  serve->add_option("--config", o.serve.config,
                    "settings file; default: DATA/config.toml if it is there");
  serve->callback([&] {
    o.serve.data = o.data;
    auto done = serve_until_signal(o.serve);
    status = done ? 0 : fail(done.error());
  });

  AppOptions app_options;
  const AdminRun admin_run{
      [](const AdminTarget& target, const json::Object& request, const auto& show) {
        Options with_data;
        with_data.data = target.data;
        with_data.json = target.json;
        return do_admin(with_data, request, show);
      },
      fail};
  add_app_commands(cli, app_options, admin_run, status);
  UserOptions user_options;
  add_user_commands(cli, user_options, admin_run, status);

  auto* token = cli.add_subcommand("enrollment-token", "tokens with which machines join");
  token->require_subcommand(1);
  auto* token_create = token->add_subcommand("create", "make an enrolment token");
  data(token_create);
  json_flag(token_create);
  token_create->add_option("--ttl", o.ttl, "how long it lives: 30m, 1h, 7d")->capture_default_str();
  token_create->add_option("--uses", o.uses, "how many machines it may enrol")
      ->capture_default_str();
  token_create->add_option("--tag", o.tags, "a tag for its machines; may be repeated");
  token_create->callback([&] {
    auto ttl = parse_duration(o.ttl);
    if (!ttl) {
      status = fail(ttl.error().in("--ttl"));
      return;
    }
    json::Object request{
        {"command", "enrollment_token_create"}, {"uses", o.uses}, {"tags", to_array(o.tags)}};
    request["ttlSeconds"] = std::chrono::duration_cast<std::chrono::seconds>(*ttl).count();
    status =
        do_admin(o, request, [](const json::Object& a) { return string_of(a, "enrollmentToken"); });
  });

  add_key_commands(cli, o, status);

  TokenKeyOptions token_key_options;
  add_token_key_commands(cli, token_key_options, admin_run, status);

  auto* machine = cli.add_subcommand("machine", "machines that need an operator");
  machine->require_subcommand(1);
  auto* clear = machine->add_subcommand("clear",
                                        "end a machine's quarantine: the next agent that comes "
                                        "with its key is taken for the machine");
  data(clear);
  json_flag(clear);
  auto* which = clear->add_option("machine", o.machine, "its id (40 hex digits)");
  clear->add_flag("--all", o.all, "every machine in quarantine")->excludes(which);
  clear->callback([&] {
    status = do_admin(o, {{"command", "machine_clear"}, {"machine", o.machine}, {"all", o.all}},
                      show_cleared);
  });

  auto* verify = cli.add_subcommand(
      "verify-audit", "check the audit's hash chains, in the file and in the database");
  data(verify);
  verify->add_option("--head", o.heads_file,
                     "exported heads to compare with: shows a cut-off end, too");
  verify->callback([&] { status = do_verify_audit(o); });

#ifdef REACHBACK_TEST_HOOKS
  std::string by;
  bool back = false;
  const auto move_clock = [&](const char* command) {
    auto length = parse_duration(by);
    if (!length) {
      status = fail(length.error().in("how far"));
      return;
    }
    json::Object request{{"command", command}};
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*length).count();
    request["seconds"] = back ? -seconds : seconds;
    status = do_admin(o, request, [](const json::Object&) { return std::string("moved"); });
  };
  auto* advance = cli.add_subcommand("clock-advance", "test builds: time passes for the server");
  data(advance);
  advance->add_option("--by", by, "how much: 31m")->required();
  advance->callback([&] { move_clock("clock_advance"); });
  auto* set = cli.add_subcommand("clock-set", "test builds: set a running server's wall clock");
  data(set);
  set->add_option("--off", by, "how far off the truth: 31m")->required();
  set->add_flag("--back", back, "behind the truth, not ahead of it");
  set->callback([&] { move_clock("clock_set"); });
#endif

  CLI11_PARSE(cli, argc, argv);
  return status;
}

}  // namespace reachback::server
