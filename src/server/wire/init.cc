#include "server/wire/init.h"

#include <filesystem>
#include <future>

#include "crypto/digest.h"
#include "crypto/random.h"
#include "json/json.h"
#include "server/ports/console_app.h"
#include "server/store_sqlite/store_sqlite.h"
#include "server/wire/admin.h"
#include "server/wire/data_folder.h"

namespace reachback::server {
namespace {

constexpr std::string_view kDefaultPublicUrl = "https://127.0.0.1:8443";

Result<json::Object> ask(const AdminDeps& deps, const json::Object& request) {
  RB_TRY_ASSIGN(json::Value value, json::parse(administer(deps, json::write(request))));
  const json::Object& o = value.as_object();
  if (const auto* error = o.if_contains("error")) {
    return Error{Errc::internal, std::string(error->as_string().c_str())};
  }
  return o.at("ok").as_object();
}

Result<InitResult> fill(const DataPaths& paths, Random& random) {
  SqliteStoreOptions options;
  options.path = paths.database();
  RB_TRY(SqliteStore::create(options));
  RB_TRY_ASSIGN(auto store, SqliteStore::open(options));
  SystemClock clock;
  Tenant tenant{TenantId::make(random), "default"};
  auto added = std::make_shared<std::promise<Result<void>>>();
  store->apps().add_tenant(tenant, [added](Result<void> r) { added->set_value(std::move(r)); });
  RB_TRY(added->get_future().get());
  auto console = std::make_shared<std::promise<Result<void>>>();
  store->apps().add_app(console_app(tenant.id, clock.now()),
                        [console](Result<void> r) { console->set_value(std::move(r)); });
  RB_TRY(console->get_future().get());
  AdminDeps deps{store->apps(), clock, random};
  json::Array roles;
  for (const std::string& role : all_roles()) {
    roles.emplace_back(role);
  }
  RB_TRY_ASSIGN(json::Object app, ask(deps, {{"command", "app_create"},
                                             {"name", "administrator"},
                                             {"roles", std::move(roles)}}));
  RB_TRY_ASSIGN(json::Object token, ask(deps, {{"command", "enrollment_token_create"},
                                               {"ttlSeconds", 24 * 3600},
                                               {"uses", 100}}));
  RB_TRY(store->close());
  InitResult out;
  out.tenant_id = tenant.id.text();
  out.client_id = app.at("clientId").as_string().c_str();
  out.client_secret = app.at("clientSecret").as_string().c_str();
  out.enrollment_token = token.at("enrollmentToken").as_string().c_str();
  return out;
}

}  // namespace

Result<InitResult> init_data_folder(const std::string& dir, const std::string& public_url) {
  DataPaths paths(dir);
  crypto::SystemRandom random;
  RB_TRY(make_data_folder(paths, public_url, random, SystemClock().now()));
  auto filled = fill(paths, random);
  if (!filled) {
    return filled.error();
  }
  RB_TRY(finish_data_folder(paths));
  std::error_code ignored;
  filled->ca_file = std::filesystem::absolute(paths.ca(), ignored).string();
  filled->public_url = public_url.empty() ? std::string(kDefaultPublicUrl) : public_url;
  return filled;
}

std::string escape_for_terminal(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (char c : text) {
    auto b = static_cast<unsigned char>(c);
    if (b < 0x20 || b == 0x7f) {
      out += {'\\', 'x', kHex[b >> 4], kHex[b & 15]};
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace reachback::server
