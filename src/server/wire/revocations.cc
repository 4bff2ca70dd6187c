#include "server/wire/revocations.h"

#include <vector>

#include "base/file.h"
#include "json/json.h"

namespace reachback::server {
namespace {

// Longer than any token of ours lives (one hour).
constexpr Duration kKeep = std::chrono::hours(2);

struct Entry {
  AppId app;
  Timestamp at;
};

Result<std::vector<Entry>> load(const std::string& path) {
  std::vector<Entry> out;
  auto text = read_file(path, 1 << 20);
  if (!text) {
    return text.error().code == Errc::not_found ? Result<std::vector<Entry>>(out) : text.error();
  }
  Error broken{
      Errc::corrupt,
      path +
          " is not a list of revocations: move it away, the tokens it stops end within the hour"};
  auto value = json::parse(*text);
  if (!value || !value->is_array()) {
    return broken;
  }
  for (const auto& element : value->get_array()) {
    const auto* o = element.if_object();
    const auto* app = o != nullptr ? o->if_contains("clientId") : nullptr;
    const auto* at = o != nullptr ? o->if_contains("at") : nullptr;
    auto id =
        app != nullptr && app->is_string()
            ? AppId::parse(std::string_view(app->get_string().data(), app->get_string().size()))
            : std::nullopt;
    auto time = at != nullptr && at->is_string()
                    ? parse_time(std::string_view(at->get_string().data(), at->get_string().size()))
                    : std::nullopt;
    if (!id || !time) {
      return broken;
    }
    out.push_back(Entry{*id, *time});
  }
  return out;
}

}  // namespace

Result<void> remember_revocation(const std::string& path, const AppId& app, Timestamp at) {
  RB_TRY_ASSIGN(std::vector<Entry> entries, load(path));
  entries.push_back(Entry{app, at});
  json::Array list;
  for (const Entry& e : entries) {
    if (e.at + kKeep > at) {
      list.push_back(json::Object{{"clientId", e.app.text()}, {"at", format_time(e.at)}});
    }
  }
  return write_file_durably(path, json::write(list));
}

Result<void> replay_revocations(const std::string& path, Timestamp now,
                                const std::function<void(const AppId&, Timestamp)>& revoke) {
  RB_TRY_ASSIGN(std::vector<Entry> entries, load(path));
  for (const Entry& e : entries) {
    if (e.at + kKeep > now) {
      revoke(e.app, e.at);
    }
  }
  return {};
}

}  // namespace reachback::server
