#include "server/wire/webhook_reader.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/file.h"
#include "net/http_client.h"
#include "server/ports/webhook_store.h"

namespace reachback::server {
namespace {

constexpr std::size_t kNameCharsMax = 64;
constexpr std::size_t kSecretBytesMin = 24;
constexpr std::size_t kSecretBytesMax = 64;
constexpr std::string_view kSecretPrefix = "whsec_";

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameCharsMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

Result<void> absolute_path(const std::string& value, std::string& out) {
  if (!value.starts_with('/')) {
    return Error{Errc::invalid_input, "is '" + value + "', not an absolute path"};
  }
  out = value;
  return {};
}

}  // namespace

Result<WebhookTarget> read_webhook(const toml::table& table, const std::string& file,
                                   const std::vector<WebhookTarget>& earlier) {
  WebhookTarget out;
  out.events = {std::string(kActionCompleted), std::string(kMachineOnline)};
  const std::vector<std::string> known = out.events;
  TableReader reader(table, "webhooks.", file);
  reader.text("name", [&out](const std::string& value) -> Result<void> {
    if (!is_name(value)) {
      return Error{Errc::invalid_input, "is '" + value + "', not 1 to 64 of a-z, 0-9, '-' and '_'"};
    }
    out.name = value;
    return {};
  });
  reader.text("url", [&out](const std::string& value) -> Result<void> {
    auto url = net::parse_url(value);
    if (!url || url->origin.scheme != "https") {
      return Error{Errc::invalid_input, "is '" + value + "', not an https:// address"};
    }
    out.url = value;
    return {};
  });
  reader.text("secret_file",
              [&out](const std::string& v) { return absolute_path(v, out.secret_file); });
  reader.text("ca_file", [&out](const std::string& v) { return absolute_path(v, out.ca_file); });
  reader.key("events", [&out, &known](const toml::node& node) -> Result<void> {
    RB_TRY_ASSIGN(out.events, list_of_texts(node));
    for (const std::string& event : out.events) {
      if (std::find(known.begin(), known.end(), event) == known.end()) {
        return Error{Errc::invalid_input,
                     "names '" + event + "'; there are " + known[0] + ", " + known[1]};
      }
    }
    return out.events.empty() ? Error{Errc::invalid_input, "is empty"} : Result<void>();
  });
  reader.boolean("allow_private", [&out](bool v) { out.allow_private = v; });
  RB_TRY(reader.read());
  const std::string where = place_of(table, file) + "webhooks ";
  if (out.name.empty() || out.url.empty() || out.secret_file.empty()) {
    return Error{Errc::invalid_input, where + "needs name, url and secret_file"};
  }
  if (std::any_of(earlier.begin(), earlier.end(),
                  [&out](const WebhookTarget& e) { return e.name == out.name; })) {
    return Error{Errc::invalid_input, where + "has the name '" + out.name + "' twice"};
  }
  if (earlier.size() >= kWebhooksMax) {
    return Error{Errc::invalid_input, where + "has one too many: 16 at most"};
  }
  return out;
}

Result<std::string> read_webhook_secret(const std::string& path) {
  auto text = read_file(path, 4096);
  if (!text) {
    return text.error().in("webhooks.secret_file");
  }
  std::string_view secret = *text;
  secret = secret.substr(0, secret.find_last_not_of(" \t\r\n") + 1);
  auto bytes = secret.starts_with(kSecretPrefix) ? from_base64(secret.substr(kSecretPrefix.size()))
                                                 : std::nullopt;
  if (!bytes || bytes->size() < kSecretBytesMin || bytes->size() > kSecretBytesMax) {
    return Error{Errc::invalid_input,
                 "webhooks.secret_file " + path +
                     " does not hold whsec_ and 24 to 64 bytes in base64; make one: "
                     "printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\""};
  }
  return std::move(*bytes);
}

}  // namespace reachback::server
