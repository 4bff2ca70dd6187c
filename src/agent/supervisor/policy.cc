#include "agent/supervisor/policy.h"

#include <ctime>

#include "agent/ports/memory_file.h"
#include "crypto/digest.h"
#include "protocol/script_signature.h"

namespace reachback::agent {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;

Error against(const std::string& why) {
  return Error{Errc::forbidden, "Policy: " + why};
}

bool is_within(const QuietHours& hours, LocalMinute now) {
  const int yesterday = (now.weekday + 6) % 7;
  if (hours.from < hours.to) {
    return hours.days[now.weekday] && now.minute >= hours.from && now.minute < hours.to;
  }
  return (hours.days[now.weekday] && now.minute >= hours.from) ||
         (hours.days[yesterday] && now.minute < hours.to);
}

// By its text alone; whoever opens the path checks what it leads to.
bool is_below(const std::string& path, const std::vector<std::string>& roots) {
  if (path.find("/../") != std::string::npos || path.ends_with("/..")) {
    return false;
  }
  for (const std::string& root : roots) {
    if (root == "/" || path == root || path.starts_with(root + "/")) {
      return true;
    }
  }
  return roots.empty();
}

Result<void> check_command(const Policy& policy, const pb::Command& command) {
  const bool is_get = command.type() == pb::GET_FILE;
  const bool is_put = command.type() == pb::PUT_FILE;
  const bool is_built_in = command.type() == pb::BUILT_IN;
  const bool is_collect = command.type() == pb::COLLECT;
  const bool is_terminal = command.type() == pb::TERMINAL;
  const auto [name, allowed] = is_get        ? std::pair("GetFile", policy.get_file)
                               : is_put      ? std::pair("PutFile", policy.put_file)
                               : is_built_in ? std::pair("BuiltIn", policy.built_in)
                               : is_collect  ? std::pair("Collect", policy.collect)
                               : is_terminal ? std::pair("Terminal", policy.terminal)
                                             : std::pair("RunScript", policy.run_script);
  if (!allowed) {
    return against(std::string(name) + " is not allowed on this machine");
  }
  if (is_built_in || is_collect || is_terminal) {
    return {};  // The first two keep to read_roots themselves: they alone know what is a path.
  }
  if (is_get) {
    return is_below(command.path(), policy.read_roots)
               ? Result<void>()
               : against(command.path() + " is not below the folders that may be read");
  }
  if (policy.denied_sha256.contains(command.file_sha256())) {
    return against(command.file_name() + " is forbidden on this machine");
  }
  const bool is_listed = policy.allowed_sha256.contains(command.file_sha256());
  if (!policy.allowed_sha256.empty() && !is_listed && !policy.require_signature) {
    return against(command.file_name() + " is not among the files allowed on this machine");
  }
  if (is_put && policy.require_signature && !is_listed) {
    return Error{Errc::forbidden, "SignatureRequired: " + command.file_name() +
                                      " is not among the files allowed on this machine"};
  }
  return {};
}

}  // namespace

LocalMinute local_minute(Timestamp at) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return {(parts.tm_wday + 6) % 7, parts.tm_hour * 60 + parts.tm_min};
}

Result<void> check_hours(const Policy& policy, LocalMinute now) {
  for (const QuietHours& hours : policy.quiet) {
    if (is_within(hours, now)) {
      return against("nothing starts on this machine in its quiet hours (" + hours.text + ")");
    }
  }
  return {};
}

Result<void> check_order(const Policy& policy, const pb::Order& order, LocalMinute now) {
  RB_TRY(check_hours(policy, now));
  for (const auto& command : order.commands()) {
    RB_TRY(check_command(policy, command));
  }
  return {};
}

Result<void> check_script(const Policy& policy, const pb::Command& command, int file) {
  RB_TRY(check_command(policy, command));
  if (!policy.require_signature || policy.allowed_sha256.contains(command.file_sha256())) {
    return {};
  }
  const Error unsigned_script{Errc::forbidden,
                              "SignatureRequired: " + command.file_name() +
                                  " carries no signature of a key that this machine trusts"};
  RB_TRY_ASSIGN(const std::uint64_t size, file_bytes(file));
  std::string piece(kPieceBytes, '\0');
  const std::uint64_t tail_at =
      size - std::min<std::uint64_t>(size, protocol::kSignatureLineBytesMax);
  RB_TRY_ASSIGN(const std::size_t tail,
                read_at(file, piece.data(), protocol::kSignatureLineBytesMax, tail_at));
  const auto line = protocol::find_signature(std::string_view(piece).substr(0, tail));
  if (!line) {
    return unsigned_script;
  }
  crypto::Sha256Stream hash;
  for (std::uint64_t at = 0; at < size - line->bytes;) {
    const auto want = std::min<std::uint64_t>(piece.size(), size - line->bytes - at);
    RB_TRY_ASSIGN(const std::size_t got, read_at(file, piece.data(), want, at));
    if (got == 0) {
      return unsigned_script;
    }
    hash.update(std::string_view(piece).substr(0, got));
    at += got;
  }
  return protocol::is_signed_by(policy.signing_keys, hash.finish(), line->signature)
             ? Result<void>()
             : Result<void>(unsigned_script);
}

}  // namespace reachback::agent
