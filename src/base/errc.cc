#include "base/errc.h"

namespace reachback {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::invalid_input:
      return "invalid_input";
    case Errc::invalid_body:
      return "invalid_body";
    case Errc::missing_parameter:
      return "missing_parameter";
    case Errc::invalid_ip:
      return "invalid_ip";
    case Errc::invalid_query:
      return "invalid_query";
    case Errc::invalid_request:
      return "invalid_request";
    case Errc::too_large:
      return "too_large";
    case Errc::batch_too_large:
      return "batch_too_large";
    case Errc::unsupported_media:
      return "unsupported_media";
    case Errc::unauthenticated:
      return "unauthenticated";
    case Errc::forbidden:
      return "forbidden";
    case Errc::disallowed:
      return "disallowed";
    case Errc::invalid_client:
      return "invalid_client";
    case Errc::invalid_assertion:
      return "invalid_assertion";
    case Errc::invalid_scope:
      return "invalid_scope";
    case Errc::unsupported_grant:
      return "unsupported_grant";
    case Errc::invalid_grant:
      return "invalid_grant";
    case Errc::code_pending:
      return "code_pending";
    case Errc::slow_down:
      return "slow_down";
    case Errc::expired_code:
      return "expired_code";
    case Errc::access_denied:
      return "access_denied";
    case Errc::not_found:
      return "not_found";
    case Errc::gone:
      return "gone";
    case Errc::already_exists:
      return "already_exists";
    case Errc::os_not_supported:
      return "os_not_supported";
    case Errc::already_active:
      return "already_active";
    case Errc::already_final:
      return "already_final";
    case Errc::conflict:
      return "conflict";
    case Errc::mismatch:
      return "mismatch";
    case Errc::method_not_allowed:
      return "method_not_allowed";
    case Errc::too_many_requests:
      return "too_many_requests";
    case Errc::unavailable:
      return "unavailable";
    case Errc::timed_out:
      return "timed_out";
    case Errc::storage_full:
      return "storage_full";
    case Errc::io:
      return "io";
    case Errc::corrupt:
      return "corrupt";
    case Errc::protocol:
      return "protocol";
    case Errc::internal:
      return "internal";
  }
  return "internal";
}

}  // namespace reachback
