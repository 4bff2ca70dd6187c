#include "server/auth_jwt/audiences.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace reachback::server {
namespace {

constexpr std::size_t kScopeBytesMax = 2048;
constexpr std::size_t kScopesMax = 16;
constexpr std::string_view kDefault = "/.default";

constexpr std::string_view kNames[] = {
    "https://api.securitycenter.windows.com",
    "https://api.securitycenter.microsoft.com",
    "https://api.security.microsoft.com",
    "https://api-gcc.securitycenter.microsoft.us",
    "https://api-gov.securitycenter.microsoft.us",
    "https://securitycenter.onmicrosoft.com/windowsatpservice",
    "fc780465-2017-40d4-a0c5-307022471b92",  // application id of WindowsDefenderATP
};
constexpr std::string_view kOldRegions[] = {"us", "eu", "uk", "au"};
constexpr std::string_view kRegions[] = {"us", "eu", "uk", "au", "swa", "ina", "aea"};

// One slash at the end comes off; a second one would be another name.
std::string_view without_slash(std::string_view name) {
  if (name.ends_with('/')) {
    name.remove_suffix(1);
  }
  return name;
}

// Input for a message: short, and on one line.
std::string shown(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, 120)) {
    auto b = static_cast<unsigned char>(c);
    out += b < 0x20 || b >= 0x7f ? '?' : c;
  }
  return text.size() > 120 ? out + "…" : out;
}

Error refused(std::string_view parameter, std::string_view value) {
  return Error{Errc::invalid_scope,
               fmt::format("The {} '{}' does not name this API; ask for the server's own URL or "
                           "https://api.security.microsoft.com",
                           parameter, shown(value))};
}

}  // namespace

AudienceList::AudienceList(std::string_view public_url, const std::vector<std::string>& alias_urls)
    : own_(to_lower(without_slash(public_url))) {
  for (std::string_view name : kNames) {
    add(name);
  }
  for (std::string_view region : kOldRegions) {
    add(fmt::format("https://api-{}.securitycenter.windows.com", region));
    add(fmt::format("https://api-{}.securitycenter.microsoft.com", region));
  }
  for (std::string_view region : kRegions) {
    add(fmt::format("https://{}.api.security.microsoft.com", region));
  }
  add(public_url);
  for (const std::string& url : alias_urls) {
    add(url);
  }
}

void AudienceList::add(std::string_view name) {
  if (name = without_slash(name); !name.empty()) {
    names_.insert(to_lower(name));
  }
}

bool AudienceList::accepts(std::string_view aud) const {
  return names_.contains(without_slash(aud));
}

Result<std::string> AudienceList::of_resource(std::string_view resource) const {
  std::string name = resource.size() <= kScopeBytesMax ? to_lower(resource) : std::string();
  if (!accepts(name)) {
    return refused("resource", resource);
  }
  return name;
}

Result<std::string> AudienceList::of_scope(std::string_view scope) const {
  if (scope.size() > kScopeBytesMax) {
    return refused("scope", scope);
  }
  std::string first;
  std::size_t count = 0;
  for (std::string_view rest = scope; !rest.empty();) {
    std::size_t end = std::min(rest.find(' '), rest.size());
    std::string word = to_lower(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (word.empty()) {
      continue;
    }
    // Of "https://host//.default" only "/.default" comes off: the slash before it belongs to the
    // resource's name.
    if (++count > kScopesMax || !word.ends_with(kDefault)) {
      return refused("scope", scope);
    }
    word.resize(word.size() - kDefault.size());
    if (!accepts(word)) {
      return refused("scope", scope);
    }
    if (first.empty()) {
      first = std::move(word);
    }
  }
  if (first.empty()) {
    return refused("scope", scope);
  }
  return first;
}

}  // namespace reachback::server
