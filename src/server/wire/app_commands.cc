#include "server/wire/app_commands.h"

#include <CLI/CLI.hpp>
#include <fstream>

#include "crypto/certificate.h"
#include "server/wire/admin_request.h"
#include "server/wire/init.h"

namespace reachback::server {
namespace {

std::string show_credentials(const json::Object& a) {
  std::string out = "client id      " + string_of(a, "clientId");
  if (a.contains("clientSecret")) {
    out += "\nclient secret  " + string_of(a, "clientSecret") + "   (shown once)";
  }
  return out + "\ntenant         " + string_of(a, "tenantId");
}

std::string show_factor(std::int64_t factor) {
  return factor == 0 ? "no call rates" : "call rates x " + std::to_string(factor);
}

std::string show_apps(const json::Object& a) {
  std::string out;
  for (const auto& entry : a.at("apps").as_array()) {
    const json::Object& app = entry.as_object();
    out += string_of(app, "clientId") + "  " + escape_for_terminal(string_of(app, "name")) + " ";
    for (const auto& role : app.at("roles").as_array()) {
      out += " " + std::string(role.as_string().c_str());
    }
    if (const auto& scopes = app.at("scopes").as_array(); !scopes.empty()) {
      out += "  for users:";
      for (const auto& scope : scopes) {
        out += " " + std::string(scope.as_string().c_str());
      }
    }
    if (auto certificates = app.at("certificates").to_number<std::uint64_t>(); certificates > 0) {
      out += "  certificates: " + std::to_string(certificates);
    }
    if (!app.at("hasSecret").as_bool()) {
      out += "  no secret";
    }
    if (auto factor = app.at("rateFactor").to_number<std::int64_t>(); factor != 1) {
      out += "  " + show_factor(factor);
    }
    out += '\n';
  }
  if (!out.empty()) {
    out.pop_back();
  }
  return out;
}

std::string show_certificate(const json::Object& c) {
  return string_of(c, "thumbprint") + "  SHA-1 " + string_of(c, "sha1") + "  until " +
         string_of(c, "notAfter") + "  " + escape_for_terminal(string_of(c, "subject"));
}

std::string show_certificates(const json::Object& a) {
  std::string out;
  for (const auto& entry : a.at("certificates").as_array()) {
    out += (out.empty() ? "" : "\n") + show_certificate(entry.as_object());
  }
  return out.empty() ? "none" : out;
}

// Read here once already, so that nothing but a certificate is passed on.
Result<std::string> read_pem(const std::string& path) {
  constexpr std::size_t kBytesMax = (32 << 10) + 1;  // one more than is taken
  std::ifstream in(path, std::ios::binary);
  std::string text(kBytesMax, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  if (text.empty()) {
    return Error{Errc::invalid_input, "--file: '" + path + "' cannot be read, or is empty"};
  }
  auto read = crypto::read_certificate(text);
  if (!read) {
    return read.error().in("--file '" + path + "'");
  }
  return text;
}

void add_certificate_commands(CLI::App& app, AppOptions& o, const AdminRun& run, int& status,
                              const std::function<void(CLI::App*)>& of_app) {
  auto* certificate = app.add_subcommand(
      "certificate", "certificates that an application may sign in with, instead of a secret");
  certificate->require_subcommand(1);
  auto* add = certificate->add_subcommand("add", "let an application sign in with a certificate");
  of_app(add);
  add->add_option("--file", o.file, "the certificate in PEM, without its private key")->required();
  add->callback([&] {
    auto pem = read_pem(o.file);
    status =
        pem ? run.ask(
                  o, {{"command", "app_certificate_add"}, {"clientId", o.client_id}, {"pem", *pem}},
                  show_certificate)
            : run.fail(pem.error());
  });
  auto* list = certificate->add_subcommand("list", "list an application's certificates");
  of_app(list);
  list->callback([&] {
    status = run.ask(o, {{"command", "app_certificate_list"}, {"clientId", o.client_id}},
                     show_certificates);
  });
  auto* remove = certificate->add_subcommand(
      "remove", "take a certificate away; the application's tokens end");
  of_app(remove);
  remove->add_option("thumbprint", o.thumbprint, "its SHA-256 or SHA-1, in hex")->required();
  remove->callback([&] {
    status = run.ask(o,
                     {{"command", "app_certificate_remove"},
                      {"clientId", o.client_id},
                      {"thumbprint", o.thumbprint}},
                     [](const json::Object&) { return std::string("removed"); });
  });
}

}  // namespace

void add_app_commands(CLI::App& cli, AppOptions& o, const AdminRun& run, int& status) {
  auto common = [&o](CLI::App* c) {
    c->add_option("--data", o.data, "the data folder")->required();
    c->add_flag("--json", o.json, "print one JSON object");
  };
  auto of_app = [&o, common](CLI::App* c) {
    common(c);
    c->add_option("client_id", o.client_id)->required();
  };
  auto* app = cli.add_subcommand("app", "applications that may call the API");
  app->require_subcommand(1);
  auto* create = app->add_subcommand("create", "add an application and print its secret");
  common(create);
  create->add_option("--name", o.name, "its name")->required();
  create->add_option("--role", o.roles,
                     "a permission of its own such as Machine.LiveResponse; may be repeated");
  create->add_option("--scope", o.scopes,
                     "what it may do for a user who signs in, such as Machine.LiveResponse; may be "
                     "repeated");
  create->add_option("--redirect-uri", o.redirect_uris,
                     "where users are sent back to; http://localhost with any port for programs; "
                     "may be repeated");
  create->add_flag("--no-secret", o.no_secret,
                   "it signs in with a certificate; without one, it is a public client");
  create->callback([&] {
    status = run.ask(o,
                     {{"command", "app_create"},
                      {"name", o.name},
                      {"roles", json::Array(o.roles.begin(), o.roles.end())},
                      {"scopes", json::Array(o.scopes.begin(), o.scopes.end())},
                      {"redirectUris", json::Array(o.redirect_uris.begin(), o.redirect_uris.end())},
                      {"noSecret", o.no_secret}},
                     show_credentials);
  });
  auto* console = app->add_subcommand(
      "console", "make the web console's application again, after it was deleted");
  common(console);
  console->callback([&] { status = run.ask(o, {{"command", "app_console"}}, show_credentials); });
  auto* list = app->add_subcommand("list", "list the applications");
  common(list);
  list->callback([&] { status = run.ask(o, {{"command", "app_list"}}, show_apps); });
  auto* rotate = app->add_subcommand("rotate", "give an application a new secret; its tokens end");
  of_app(rotate);
  rotate->callback([&] {
    status = run.ask(o, {{"command", "app_rotate"}, {"clientId", o.client_id}}, show_credentials);
  });
  auto* remove = app->add_subcommand("delete", "remove an application; its tokens end");
  of_app(remove);
  remove->callback([&] {
    status = run.ask(o, {{"command", "app_delete"}, {"clientId", o.client_id}},
                     [](const json::Object&) { return std::string("deleted"); });
  });
  auto* limits = app->add_subcommand("limits", "how often an application may call; at once");
  of_app(limits);
  auto* how = limits->add_option_group("how often");
  how->add_option("--rate-factor", o.rate_factor,
                  "so many times as often as others; 1: as they may");
  how->add_flag("--no-limits", o.no_limits, "as often as it likes");
  how->require_option(1);
  limits->callback([&] {
    // 0 is how the request says "no limits"; as a number it would be a typing error.
    const std::int64_t factor = o.no_limits ? 0 : o.rate_factor == 0 ? -1 : o.rate_factor;
    status =
        run.ask(o, {{"command", "app_limits"}, {"clientId", o.client_id}, {"rateFactor", factor}},
                [](const json::Object& a) {
                  return show_factor(a.at("rateFactor").to_number<std::int64_t>());
                });
  });
  add_certificate_commands(*app, o, run, status, of_app);
}

}  // namespace reachback::server
