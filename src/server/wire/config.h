// The settings file, one TOML document; docs/configuration.md describes every key. Unknown keys are
// refused with their line.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "server/auth_jwt/claim_mapping.h"
#include "server/rest/limits.h"
#include "server/wire/head_export.h"

namespace reachback::server {

struct IssuerConfig {
  std::string issuer;
  std::vector<std::string> audiences;
  std::string jwks_file;  // a static key set, or
  std::string jwks_url;   // fetched; both empty: discovered from issuer +
                          // "/.well-known/openid-configuration"
  std::string ca_file;    // trusted for the fetch; empty: the system's
  ClaimMapping claims{};
};

struct WebhookTarget {
  std::string name;
  std::string url;
  std::string secret_file;          // absolute; "whsec_" and base64 of 24 to 64 bytes
  std::string ca_file;              // trusted for it; empty: the system's
  std::vector<std::string> events;  // types: ports/webhook_store.h
  bool allow_private = false;       // its addresses may be of private networks
};

struct Config {
  rest::Profile profile = rest::Profile::y2026;
  bool strict = false;
  std::vector<std::string> alias_hosts;
  std::optional<bool> read_all_results;
  bool limits_enabled = true;
  std::uint64_t rate_factor = 1;
  bool assertion_reuse = false;
  bool get_file_raw = false;
  bool put_file_kept = false;
  std::size_t threads = 0;  // 0: one a core, at most 8
  std::optional<Duration> queue_time, script_timeout, cancel_wait;
  std::optional<std::uint64_t> output_bytes_max;
  std::optional<std::size_t> strangers_per_address, strangers;  // 0: no limit
  HeadTarget audit_export;
  std::optional<Duration> audit_every;
  std::vector<IssuerConfig> issuers;
  std::vector<WebhookTarget> webhooks;
  std::optional<std::string> console_folder;  // empty: no console; unset: the default one
  std::string signer_socket;  // of the program that holds the order keys; empty: this one does
};

// Errors: invalid_input ("FILE:LINE: what").
Result<Config> parse_config(std::string_view text, const std::string& file_name);
// `path` empty: DIR/config.toml if it is there, else the defaults.
Result<Config> load_config(const std::string& path, const std::string& default_path);

// "500ms", "30s", "10m", "2h", "3d". Errors: invalid_input.
Result<Duration> parse_duration(std::string_view text);

}  // namespace reachback::server
