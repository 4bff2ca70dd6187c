#include "server/wire/server_limits.h"

#include "server/rest/limits.h"

namespace reachback::server {

Result<LiveResponseLimits> live_response_limits(const Config& config) {
  RB_TRY_ASSIGN(rest::Limits limits, rest::Limits::load());
  LiveResponseLimits out;
  out.queue = config.queue_time.value_or(limits.duration(config.profile, "queue"));
  out.script_timeout =
      config.script_timeout.value_or(limits.duration(config.profile, "script_timeout"));
  out.put_file_timeout = limits.duration(config.profile, "put_file_timeout");
  out.get_file_timeout = limits.duration(config.profile, "get_file_timeout");
  out.built_in_timeout = limits.duration(config.profile, "built_in_timeout");
  out.get_file_raw = config.get_file_raw;
  out.put_file_kept = config.put_file_kept;
  out.window_slack = limits.duration(config.profile, "window_slack");
  out.active_max = config.limits_enabled ? limits.value(config.profile, "concurrent_sessions") : 0;
  out.output_bytes_max =
      config.output_bytes_max.value_or(limits.value(config.profile, "output_bytes"));
  out.get_file_bytes_max = limits.value(config.profile, "get_file_bytes");
  out.upload_bytes_max = limits.value(config.profile, "upload_bytes");
  out.link_lifetime = limits.duration(config.profile, "link_lifetime");
  out.cancel_wait = config.cancel_wait.value_or(limits.duration(config.profile, "cancel_wait"));
  return out;
}

Result<AssertionLimits> assertion_limits(const Config& config) {
  RB_TRY_ASSIGN(rest::Limits limits, rest::Limits::load());
  AssertionLimits out;
  out.lifetime = limits.duration(config.profile, "assertion_lifetime");
  out.remembered_per_app = limits.value(config.profile, "assertions_remembered");
  out.once = !config.assertion_reuse;
  return out;
}

Result<UserAccessLimits> user_access_limits(const Config& config) {
  RB_TRY_ASSIGN(rest::Limits limits, rest::Limits::load());
  auto t = [&](const char* name) { return limits.duration(config.profile, name); };
  auto n = [&](const char* name) { return limits.value(config.profile, name); };
  UserAccessLimits out;
  out.code_lifetime = t("authorization_code_lifetime");
  out.codes = n("authorization_codes");
  out.device = {t("device_code_lifetime"), t("device_code_interval"), n("device_codes"),
                static_cast<std::uint32_t>(n("device_code_misses"))};
  out.tokens = {t("refresh_idle"), t("refresh_total")};
  return out;
}

Result<InteractiveLimits> interactive_limits(const Config& config) {
  RB_TRY_ASSIGN(rest::Limits limits, rest::Limits::load());
  auto count = [&](const char* name) {
    return config.limits_enabled ? limits.value(config.profile, name) : 0;
  };
  InteractiveLimits out;
  out.open = {count("interactive_sessions"), count("interactive_sessions_of_caller"),
              limits.value(config.profile, "interactive_sessions_of_machine"),
              limits.duration(config.profile, "interactive_idle")};
  out.long_command = limits.duration(config.profile, "long_command_timeout");
  out.commands_shown = limits.value(config.profile, "interactive_commands_shown");
  return out;
}

Result<SessionLimits> session_limits(const Config& config) {
  RB_TRY_ASSIGN(rest::Limits limits, rest::Limits::load());
  SessionLimits out;
  out.messages_per_second =
      static_cast<std::int64_t>(limits.value(config.profile, "agent_messages_per_second"));
  out.message_burst = limits.value(config.profile, "agent_message_burst");
  out.throttles_max = limits.value(config.profile, "agent_throttles");
  return out;
}

}  // namespace reachback::server
