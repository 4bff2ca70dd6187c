#include "server/wire/head_export.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "base/file.h"
#include "json/json.h"

namespace reachback::server {
namespace {

constexpr std::string_view kSystemLog = "/dev/log";
constexpr std::string_view kSyslogPrefix = "<85>reachback-server: audit heads ";  // authpriv.notice

Result<void> append_line(const std::string& path, const std::string& line) {
  bool is_new = !path_exists(path);
  RB_TRY_ASSIGN(Fd fd, open_file(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW));
  RB_TRY(write_all(fd.get(), line + "\n"));
  RB_TRY(sync_file(fd.get()));
  auto slash = path.rfind('/');
  return is_new && slash != std::string::npos ? sync_folder(path.substr(0, slash + 1))
                                              : Result<void>();
}

Result<void> send_datagram(const std::string& path, const std::string& text) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{Errc::invalid_input, "system log " + path + ": the path is too long"};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid() ||
      ::sendto(socket.get(), text.data(), text.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return errno_error("send to the system log", path);
  }
  return {};
}

std::optional<AuditHead> head_of(const json::Object& o, std::string_view key) {
  const auto* v = o.if_contains(boost::json::string_view(key.data(), key.size()));
  if (v == nullptr || !v->is_string()) {
    return std::nullopt;
  }
  return parse_audit_head({v->get_string().data(), v->get_string().size()});
}

}  // namespace

std::string heads_line(Timestamp at, const AuditHeads& heads) {
  json::Object o;
  o["at"] = format_time(at);
  o["file"] = text_of(heads.file);
  o["database"] = text_of(heads.database);
  return json::write(o);
}

std::vector<AuditHeads> parse_heads(std::string_view text) {
  std::vector<AuditHeads> out;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    auto open = line.find('{');
    auto close = line.rfind('}');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
      continue;
    }
    auto value = json::parse(line.substr(open, close - open + 1));
    if (!value || !value->is_object()) {
      continue;
    }
    auto file = head_of(value->get_object(), "file");
    auto database = head_of(value->get_object(), "database");
    if (file && database) {
      out.push_back({*file, *database});
    }
  }
  return out;
}

Result<HeadTarget> parse_head_target(const std::string& text) {
  if (text == "none") {
    return HeadTarget{};
  }
  if (text == "syslog") {
    return HeadTarget{HeadTarget::Kind::syslog, std::string(kSystemLog)};
  }
  if (text.starts_with("syslog:/")) {
    return HeadTarget{HeadTarget::Kind::syslog, text.substr(7)};
  }
  if (text.starts_with("file:/")) {
    return HeadTarget{HeadTarget::Kind::file, text.substr(5)};
  }
  return Error{
      Errc::invalid_input,
      "is '" + text + "', not \"none\", \"syslog\", \"syslog:/SOCKET\" or \"file:/ABSOLUTE/PATH\""};
}

Result<void> export_heads(const HeadTarget& target, Timestamp at, const AuditHeads& heads) {
  switch (target.kind) {
    case HeadTarget::Kind::none:
      return {};
    case HeadTarget::Kind::syslog:
      return send_datagram(target.path, std::string(kSyslogPrefix) + heads_line(at, heads));
    case HeadTarget::Kind::file:
      return append_line(target.path, heads_line(at, heads));
  }
  return {};
}

}  // namespace reachback::server
