#include "server/wire/listener_options.h"

#include <sys/resource.h>

#include "server/rest/limits.h"

namespace reachback::server {

Result<net::HttpServerOptions> http_options(const Config& config) {
  RB_TRY_ASSIGN(rest::Limits limits, rest::Limits::load());
  auto n = [&](std::string_view name) {
    return static_cast<std::size_t>(limits.value(config.profile, name));
  };
  net::HttpServerOptions out;
  out.head_bytes_max = n("head_bytes");
  out.request_line_bytes_max = n("request_line_bytes");
  out.fields_max = n("header_fields");
  out.head_timeout = limits.duration(config.profile, "head_seconds");
  out.idle_timeout = limits.duration(config.profile, "idle_seconds");
  out.body_grace = limits.duration(config.profile, "body_grace_seconds");
  out.body_bytes_per_second_min = n("body_bytes_per_second");
  out.send_bytes_per_second_min = n("answer_bytes_per_second");
  out.strangers_per_address_max = config.strangers_per_address.value_or(n("strangers_per_address"));
  out.strangers_max = config.strangers.value_or(n("strangers"));
  return out;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace reachback::server
