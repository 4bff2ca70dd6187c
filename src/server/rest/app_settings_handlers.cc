// /api/reachback/applications and /api/reachback/enrollmentTokens.
#include "server/rest/handlers.h"
#include "server/rest/json_body.h"
#include "server/rest/json_text.h"
#include "server/rest/settings_call.h"

namespace reachback::server::rest {
namespace {

constexpr std::uint64_t kNameCharsMax = 256;  // the service says what a name may be

std::string shown(const App& app, const std::string& secret = "") {
  std::string out;
  ObjectText object(out);
  object.text("clientId", app.id.text());
  object.text("name", app.name);
  append_texts(object.value("roles"), app.roles);
  append_texts(object.value("scopes"), app.scopes);
  append_texts(object.value("redirectUris"), app.redirect_uris);
  object.time("created", app.created);
  object.boolean("publicClient", !app.secret && app.certificates.empty());
  object.number("certificates", static_cast<std::int64_t>(app.certificates.size()));
  if (!secret.empty()) {
    object.text("clientSecret", secret);
  }
  object.close();
  return out;
}

Result<AppId> client_id_of(const std::string& text) {
  const auto id = AppId::parse(text);
  return id ? Result<AppId>(*id)
            : Error{Errc::not_found, "'" + text + "' is not a client id (a GUID)"};
}

Result<NewApp> parse_application(std::string_view text) {
  RB_TRY_ASSIGN(const json::Value value, parse_json_object(text));
  const json::Object& body = value.get_object();
  NewApp out;
  RB_TRY_ASSIGN(out.name, required_text(body, "name", kNameCharsMax));
  RB_TRY_ASSIGN(auto roles, optional_texts(body, "roles"));
  RB_TRY_ASSIGN(auto scopes, optional_texts(body, "scopes"));
  RB_TRY_ASSIGN(auto redirects, optional_texts(body, "redirectUris"));
  RB_TRY_ASSIGN(auto is_public, optional_boolean(body, "publicClient"));
  out.roles = roles.value_or(std::vector<std::string>());
  out.scopes = scopes.value_or(std::vector<std::string>());
  out.redirect_uris = redirects.value_or(std::vector<std::string>());
  out.has_secret = !is_public.value_or(false);
  return out;
}

std::string shown(const EnrollmentToken& token) {
  std::string out;
  ObjectText object(out);
  object.text("id", id_of(token));
  object.time("created", token.created);
  object.time("expires", token.expires);
  object.number("usesLeft", token.uses_left);
  append_texts(object.value("tags"), token.tags);
  object.close();
  return out;
}

Result<NewEnrollmentToken> parse_token(std::string_view text) {
  RB_TRY_ASSIGN(const json::Value value, parse_json_object(text));
  const json::Object& body = value.get_object();
  NewEnrollmentToken out;
  RB_TRY_ASSIGN(auto ttl, optional_number(body, "ttlSeconds"));
  RB_TRY_ASSIGN(auto uses, optional_number(body, "uses"));
  RB_TRY_ASSIGN(auto tags, optional_texts(body, "tags"));
  out.ttl_s = ttl.value_or(out.ttl_s);
  out.uses = uses.value_or(out.uses);
  out.tags = tags.value_or(std::vector<std::string>());
  return out;
}

}  // namespace

void get_applications(Core& core, const CallPtr& call) {
  in_background(core, call, [&core](const SettingsCaller&) -> Result<SettingsAnswer> {
    RB_TRY_ASSIGN(auto apps, core.deps.settings.apps.list());
    std::vector<std::string> objects;
    objects.reserve(apps.size());
    for (const App& app : apps) {
      objects.push_back(shown(app));
    }
    return SettingsAnswer{200, list_of(objects)};
  });
}

void post_application(Core& core, const CallPtr& call) {
  auto wanted = parse_application(call->content());
  if (!wanted) {
    core.refuse(*call, wanted.error());
    return;
  }
  in_background(core, call,
                [&core, wanted = *wanted](const SettingsCaller& by) -> Result<SettingsAnswer> {
                  RB_TRY_ASSIGN(auto made, core.deps.settings.apps.create(by, wanted));
                  return SettingsAnswer{201, shown(made.app, made.secret)};
                });
}

void delete_application(Core& core, const CallPtr& call) {
  in_background(
      core, call,
      [&core, text = call->params.front()](const SettingsCaller& by) -> Result<SettingsAnswer> {
        RB_TRY_ASSIGN(const AppId id, client_id_of(text));
        RB_TRY(core.deps.settings.apps.remove(by, id));
        return SettingsAnswer{204};
      });
}

void post_application_rotate(Core& core, const CallPtr& call) {
  in_background(
      core, call,
      [&core, text = call->params.front()](const SettingsCaller& by) -> Result<SettingsAnswer> {
        RB_TRY_ASSIGN(const AppId id, client_id_of(text));
        RB_TRY_ASSIGN(auto made, core.deps.settings.apps.rotate(by, id));
        made.app.secret.emplace();  // it has one now
        return SettingsAnswer{200, shown(made.app, made.secret)};
      });
}

void get_enrollment_tokens(Core& core, const CallPtr& call) {
  in_background(core, call, [&core](const SettingsCaller&) -> Result<SettingsAnswer> {
    RB_TRY_ASSIGN(auto tokens, core.deps.settings.tokens.list());
    std::vector<std::string> objects;
    objects.reserve(tokens.size());
    for (const EnrollmentToken& token : tokens) {
      objects.push_back(shown(token));
    }
    return SettingsAnswer{200, list_of(objects)};
  });
}

void post_enrollment_token(Core& core, const CallPtr& call) {
  auto wanted = parse_token(call->content());
  if (!wanted) {
    core.refuse(*call, wanted.error());
    return;
  }
  in_background(core, call,
                [&core, wanted = *wanted](const SettingsCaller& by) -> Result<SettingsAnswer> {
                  RB_TRY_ASSIGN(auto made, core.deps.settings.tokens.create(by, wanted));
                  std::string out;
                  ObjectText object(out);
                  object.text("id", id_of(made.token));
                  object.text("enrollmentToken", made.secret);
                  object.time("expires", made.token.expires);
                  object.number("uses", made.token.uses_left);
                  append_texts(object.value("tags"), made.token.tags);
                  object.text("server", core.options.agents_url);
                  object.text("caFile", core.options.ca_pem);
                  object.close();
                  return SettingsAnswer{201, std::move(out)};
                });
}

void delete_enrollment_token(Core& core, const CallPtr& call) {
  in_background(
      core, call,
      [&core, id = call->params.front()](const SettingsCaller& by) -> Result<SettingsAnswer> {
        RB_TRY(core.deps.settings.tokens.remove(by, to_lower(id)));
        return SettingsAnswer{204};
      });
}

}  // namespace reachback::server::rest
