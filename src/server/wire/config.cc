#include "server/wire/config.h"

#include <charconv>

#include "base/file.h"
#include "server/wire/issuer_reader.h"
#include "server/wire/table_reader.h"
#include "server/wire/webhook_reader.h"

namespace reachback::server {

Result<Duration> parse_duration(std::string_view text) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::pair<std::string_view, Duration> units[] = {{"ms", std::chrono::milliseconds(1)},
                                                         {"s", std::chrono::seconds(1)},
                                                         {"m", std::chrono::minutes(1)},
                                                         {"h", std::chrono::hours(1)},
                                                         {"d", std::chrono::hours(24)}};
  for (const auto& [name, length] : units) {
    if (error == std::errc() && unit == name && value > 0 && value <= 10'000'000) {
      return length * value;
    }
  }
  return Error{Errc::invalid_input,
               "'" + std::string(text) + "' is not a time like 500ms, 30s, 10m, 2h or 3d"};
}

Result<Config> parse_config(std::string_view text, const std::string& file) {
  toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    return Error{Errc::invalid_input, file + ":" +
                                          std::to_string(parsed.error().source().begin.line) +
                                          ": " + std::string(parsed.error().description())};
  }
  Config c;
  TableReader top(parsed.table(), "", file);
  top.text("profile", [&c](const std::string& value) -> Result<void> {
    auto profile = rest::parse_profile(value);
    if (!profile) {
      return Error{Errc::invalid_input, "is '" + value + "', not \"2021\", \"2025\" or \"2026\""};
    }
    c.profile = *profile;
    return {};
  });
  top.boolean("strict", [&c](bool v) { c.strict = v; });
  top.texts("alias_hosts", c.alias_hosts);
  top.boolean("read_all_results", [&c](bool v) { c.read_all_results = v; });
  top.table("limits", [&](const toml::table& t) -> Result<void> {
    TableReader r(t, "limits.", file);
    r.boolean("enabled", [&c](bool v) { c.limits_enabled = v; });
    r.number("rate_factor", 1, 1'000'000,
             [&c](std::int64_t v) { c.rate_factor = static_cast<std::uint64_t>(v); });
    return r.read();
  });
  top.table("sign_in", [&](const toml::table& t) -> Result<void> {
    TableReader r(t, "sign_in.", file);
    r.boolean("assertion_reuse", [&c](bool v) { c.assertion_reuse = v; });
    return r.read();
  });
  top.table("get_file", [&](const toml::table& t) -> Result<void> {
    TableReader r(t, "get_file.", file);
    r.text("wire_form", [&c](const std::string& value) -> Result<void> {
      if (value != "gzip" && value != "raw") {
        return Error{Errc::invalid_input, "is '" + value + "', not \"gzip\" or \"raw\""};
      }
      c.get_file_raw = value == "raw";
      return {};
    });
    return r.read();
  });
  top.table("put_file", [&](const toml::table& t) -> Result<void> {
    TableReader r(t, "put_file.", file);
    r.text("kept_until", [&c](const std::string& value) -> Result<void> {
      if (value != "end" && value != "restart") {
        return Error{Errc::invalid_input, "is '" + value + "', not \"end\" or \"restart\""};
      }
      c.put_file_kept = value == "restart";
      return {};
    });
    return r.read();
  });
  top.table("server", [&](const toml::table& t) -> Result<void> {
    TableReader r(t, "server.", file);
    r.number("threads", 1, 64, [&c](std::int64_t v) { c.threads = static_cast<std::size_t>(v); });
    r.number("strangers_per_address", 0, 1'000'000,
             [&c](std::int64_t v) { c.strangers_per_address = static_cast<std::size_t>(v); });
    r.number("strangers", 0, 1'000'000,
             [&c](std::int64_t v) { c.strangers = static_cast<std::size_t>(v); });
    return r.read();
  });
  top.table("live_response", [&](const toml::table& t) -> Result<void> {
    TableReader r(t, "live_response.", file);
    r.duration("queue_time", c.queue_time);
    r.duration("script_timeout", c.script_timeout);
    r.duration("cancel_wait", c.cancel_wait);
    r.number("output_bytes_max", 1, std::int64_t{1} << 40,
             [&c](std::int64_t v) { c.output_bytes_max = static_cast<std::uint64_t>(v); });
    return r.read();
  });
  top.table("audit", [&](const toml::table& t) -> Result<void> {
    TableReader r(t, "audit.", file);
    r.text("export", [&c](const std::string& value) -> Result<void> {
      RB_TRY_ASSIGN(c.audit_export, parse_head_target(value));
      return {};
    });
    r.duration("every", c.audit_every);
    return r.read();
  });
  top.table("console", [&](const toml::table& t) -> Result<void> {
    TableReader r(t, "console.", file);
    r.text("folder", [&c](const std::string& value) -> Result<void> {
      if (!value.empty() && !value.starts_with('/')) {
        return Error{Errc::invalid_input, "is '" + value + "', not an absolute path"};
      }
      c.console_folder = value;
      return {};
    });
    return r.read();
  });
  top.table("signing", [&](const toml::table& t) -> Result<void> {
    TableReader r(t, "signing.", file);
    r.text("socket", [&c](const std::string& value) -> Result<void> {
      if (!value.starts_with('/') || value.size() > 107) {
        return Error{Errc::invalid_input, "is '" + value +
                                              "', not an absolute path of at most 107 "
                                              "bytes"};
      }
      c.signer_socket = value;
      return {};
    });
    return r.read();
  });
  top.key("issuers", [&](const toml::node& n) -> Result<void> {
    if (!n.is_array_of_tables()) {
      return Error{Errc::invalid_input, "is not a list of [[issuers]]"};
    }
    for (const auto& element : *n.as_array()) {
      RB_TRY_ASSIGN(IssuerConfig issuer, read_issuer(*element.as_table(), file));
      c.issuers.push_back(std::move(issuer));
    }
    return {};
  });
  top.key("webhooks", [&](const toml::node& n) -> Result<void> {
    if (!n.is_array_of_tables()) {
      return Error{Errc::invalid_input, "is not a list of [[webhooks]]"};
    }
    for (const auto& element : *n.as_array()) {
      RB_TRY_ASSIGN(WebhookTarget target, read_webhook(*element.as_table(), file, c.webhooks));
      c.webhooks.push_back(std::move(target));
    }
    return {};
  });
  RB_TRY(top.read());
  return c;
}

Result<Config> load_config(const std::string& path, const std::string& default_path) {
  if (path.empty() && !path_exists(default_path)) {
    return Config();
  }
  const std::string& file = path.empty() ? default_path : path;
  auto text = read_file(file, 1 << 20);
  if (!text) {
    return text.error().in("configuration");
  }
  return parse_config(*text, file);
}

}  // namespace reachback::server
