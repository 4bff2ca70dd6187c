#include "server/rest/limits.h"

#include <cstdlib>

#include "base/log.h"
#include "json/json.h"

namespace reachback::data {
extern const std::string_view limits_json;
}

namespace reachback::server::rest {
namespace {

constexpr std::string_view kProfiles[] = {"2021", "2025", "2026"};

Error broken(std::string_view what) {
  return Error{Errc::corrupt, "api/limits.json: " + std::string(what)};
}

}  // namespace

std::optional<Profile> parse_profile(std::string_view text) {
  for (std::size_t i = 0; i < std::size(kProfiles); ++i) {
    if (kProfiles[i] == text) {
      return static_cast<Profile>(i);
    }
  }
  return std::nullopt;
}

std::string_view name_of(Profile profile) {
  return kProfiles[static_cast<std::size_t>(profile)];
}

Result<Limits> Limits::load() {
  return parse(data::limits_json);
}

Result<Limits> Limits::parse(std::string_view text) {
  auto root = json::parse(text);
  if (!root) {
    return broken(root.error().message);
  }
  const json::Object* object = root->if_object();
  const json::Value* list = object == nullptr ? nullptr : object->if_contains("limits");
  if (list == nullptr || !list->is_array()) {
    return broken("no list 'limits'");
  }
  Limits out;
  for (const json::Value& item : list->get_array()) {
    const json::Object* row = item.if_object();
    if (row == nullptr) {
      return broken("an element of 'limits' is not an object");
    }
    auto string_of = [&](std::string_view key) -> std::string {
      const json::Value* v = row->if_contains(key);
      return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
    };
    Limit limit{string_of("name"), 0, string_of("unit"), string_of("source")};
    if (limit.name.empty() || limit.unit.empty() || limit.source.empty()) {
      return broken("a limit without name, unit or source: '" + limit.name + "'");
    }
    for (std::size_t p = 0; p < std::size(kProfiles); ++p) {
      const json::Value* v = row->if_contains(kProfiles[p]);
      if (v == nullptr || !v->is_int64() || v->get_int64() < 0) {
        return broken(limit.name + " has no whole number for profile " + std::string(kProfiles[p]));
      }
      limit.value = static_cast<std::uint64_t>(v->get_int64());
      for (const Limit& other : out.by_profile_[p]) {
        if (other.name == limit.name) {
          return broken(limit.name + " is there twice");
        }
      }
      out.by_profile_[p].push_back(limit);
    }
  }
  return out;
}

const std::vector<Limit>& Limits::all(Profile profile) const {
  return by_profile_[static_cast<std::size_t>(profile)];
}

const Limit& Limits::limit(Profile profile, std::string_view name) const {
  for (const Limit& limit : all(profile)) {
    if (limit.name == name) {
      return limit;
    }
  }
  log_error("api/limits.json has no such limit", {field("name", name)});
  std::abort();
}

Duration Limits::duration(Profile profile, std::string_view name) const {
  const Limit& found = limit(profile, name);
  if (found.unit != "s") {
    log_error("not a limit in seconds", {field("name", name)});
    std::abort();
  }
  return std::chrono::seconds(found.value);
}

}  // namespace reachback::server::rest
