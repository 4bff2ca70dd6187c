// One [[webhooks]] table of the settings file, and the secret that it names.
#pragma once

#include <string>
#include <vector>

#include "server/wire/config.h"
#include "server/wire/table_reader.h"

namespace reachback::server {

inline constexpr std::size_t kWebhooksMax = 16;  // Source: ours

// earlier: those that stand before it. Errors: invalid_input ("FILE:LINE: what"): an unknown key,
// an address that is not https, an event that does not exist, a name that was there before, one too
// many.
Result<WebhookTarget> read_webhook(const toml::table& table, const std::string& file,
                                   const std::vector<WebhookTarget>& earlier);

// The bytes of "whsec_<base64>", blanks and line ends behind it left out. Source: Standard
// Webhooks 1.0. Errors: invalid_input (the text is not shown), and those of reading the file; both
// name the file.
Result<std::string> read_webhook_secret(const std::string& path);

}  // namespace reachback::server
