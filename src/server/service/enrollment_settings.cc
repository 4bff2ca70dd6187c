#include "server/service/enrollment_settings.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "server/service/blocking.h"

namespace reachback::server {
namespace {

constexpr std::int64_t kTtlMax_s = std::int64_t{366} * 24 * 3600;
constexpr std::int64_t kUsesMax = 1'000'000;
constexpr std::size_t kTagsMax = 20;
constexpr std::size_t kTagBytesMax = 200;
constexpr std::size_t kListedMax = 1000;

bool is_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kTagBytesMax && is_valid_utf8(tag) && tag.front() != ' ' &&
         tag.back() != ' ' && std::none_of(tag.begin(), tag.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

}  // namespace

std::string id_of(const EnrollmentToken& token) {
  return to_hex(as_bytes(token.token).substr(0, 16));
}

Result<MadeEnrollmentToken> EnrollmentSettings::create(const SettingsCaller& by,
                                                       NewEnrollmentToken wanted) {
  if (wanted.ttl_s < 1 || wanted.ttl_s > kTtlMax_s) {
    return wrong_field("ttlSeconds", "from 1 second to 366 days");
  }
  if (wanted.uses < 1 || wanted.uses > kUsesMax) {
    return wrong_field("uses", "from 1 to 1000000");
  }
  if (wanted.tags.size() > kTagsMax ||
      !std::all_of(wanted.tags.begin(), wanted.tags.end(), is_tag)) {
    return wrong_field("tags", "20 at most, each 1 to 200 bytes of UTF-8 in one line");
  }
  MadeEnrollmentToken out;
  out.secret = to_base64url(random_.bytes(32));
  out.token.tenant = tenant_;
  out.token.token = crypto::sha256(out.secret);
  out.token.created = clock_.now();
  out.token.expires = out.token.created + std::chrono::seconds(wanted.ttl_s);
  out.token.uses_left = static_cast<std::uint32_t>(wanted.uses);
  out.token.tags = std::move(wanted.tags);
  RB_TRY(wait<void>([&](const auto& done) { apps_.add_token(out.token, by.audit, done); }));
  return out;
}

Result<std::vector<EnrollmentToken>> EnrollmentSettings::list() {
  return wait<std::vector<EnrollmentToken>>(
      [&](const auto& done) { apps_.live_tokens(tenant_, clock_.now(), kListedMax, done); });
}

Result<void> EnrollmentSettings::remove(const SettingsCaller& by, const std::string& id) {
  RB_TRY_ASSIGN(auto alive, list());
  for (const EnrollmentToken& token : alive) {
    if (id_of(token) == id) {
      return wait<void>(
          [&](const auto& done) { apps_.remove_token(tenant_, token.token, by.audit, done); });
    }
  }
  return Error{Errc::not_found, "no enrolment token has the id " + id};
}

}  // namespace reachback::server
