// Links. Fields written as a query read the same; a signed link is accepted exactly where the
// rules, written here once more, say so, and nothing else than what was signed is.
#include <algorithm>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "protocol/blob_sas.h"

namespace reachback::fuzz {
namespace {

using namespace protocol;

constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kAccount = "rbaccount", kContainer = "c", kBlob = "t/blob";
const Timestamp kNow = Timestamp(std::chrono::seconds(1'800'000'000));  // 2027-01-15T08:00:00Z
constexpr std::string_view kNowText = "2027-01-15T08:00:00Z";

bool verified(const SasQuery& query, char wanted = 'r', std::string_view blob = kBlob,
              std::string_view key = kKey, std::string_view peer = "192.0.2.7") {
  return verify_sas(query, kAccount, kContainer, blob, key, wanted, peer, kNow).ok();
}

bool is_time(std::string_view text) {
  return text.size() == 20 && text[4] == '-' && text[10] == 'T' && text.back() == 'Z';
}

// Times of one spelling compare as text.
bool follows_rules(const SasFields& f) {
  return f.version == "2019-07-07" && f.resource == "b" && f.identifier.empty() &&
         is_time(f.expires) && f.expires > kNowText &&
         (f.starts.empty() || (is_time(f.starts) && f.starts <= kNowText)) &&
         (f.protocol.empty() || f.protocol == "https" || f.protocol == "https,http") &&
         f.permissions.find('r') != std::string::npos;
}

void check_query(const SasQuery& query, std::string_view text) {
  std::string again = sas_query(query.fields, query.signature);
  auto second = parse_sas_query(again);
  FUZZ_CHECK(second && second->signature == query.signature);
  FUZZ_CHECK(sas_query(second->fields, second->signature) == again);
  FUZZ_CHECK(sas_string_to_sign(second->fields, kAccount, kContainer, kBlob) ==
             sas_string_to_sign(query.fields, kAccount, kContainer, kBlob));
  FUZZ_CHECK(*sas_token_id_of_link("https://h/x?" + again) == sas_token_id(query.signature));
  FUZZ_CHECK(!parse_sas_query(std::string(text) + "&se=2027-01-15T09:00:00Z"));
  FUZZ_CHECK(!parse_sas_query(std::string(text) + "&sig=x"));
  // A line break in a field could move text from one line of the string to sign into the next.
  std::string lines = sas_string_to_sign(query.fields, kAccount, kContainer, kBlob);
  FUZZ_CHECK(std::count(lines.begin(), lines.end(), '\n') == 14);
}

// The link as it came; then as if the server had minted it.
void check_verdicts(SasQuery query) {
  auto sign = [&query](std::string_view blob) {
    return sas_signature(sas_string_to_sign(query.fields, kAccount, kContainer, blob), kKey);
  };
  bool is_ours = query.signature == sign(kBlob);
  FUZZ_CHECK(!verified(query) || (is_ours && follows_rules(query.fields)));
  query.signature = sign(kBlob);
  const SasFields& f = query.fields;
  if (f.ip.empty()) {
    FUZZ_CHECK(verified(query) ? follows_rules(f) : true);
  }
  if (!verified(query)) {
    return;
  }
  FUZZ_CHECK(follows_rules(f));
  FUZZ_CHECK(verified(query, 'w') == (f.permissions.find('w') != std::string::npos));
  FUZZ_CHECK(!verified(query, 'r', "t/other"));
  FUZZ_CHECK(!verified(query, 'r', kBlob, "another key of as many bytes...."));
  FUZZ_CHECK(f.ip.empty() || !verified(query, 'r', kBlob, kKey, "2001:db8::1"));
  for (std::string SasFields::* field :
       {&SasFields::permissions, &SasFields::expires, &SasFields::starts, &SasFields::cache_control,
        &SasFields::content_disposition, &SasFields::content_type, &SasFields::ip}) {
    SasQuery changed = query;
    changed.fields.*field += "0";
    FUZZ_CHECK(!verified(changed));
  }
  query.signature = sign("t/other");
  FUZZ_CHECK(!verified(query));
}

}  // namespace

// Input: a query; '!' in front: without its sig, which is made up here.
void run(std::string_view input) {
  std::string text(input);
  if (text.starts_with('!')) {
    text = text.substr(1) + "&sig=" + std::string(42, 'A') + "A%3D";
  }
  auto query = parse_sas_query(text);
  if (!query) {
    FUZZ_CHECK(query.error().code == Errc::forbidden && !query.error().message.empty());
    FUZZ_CHECK(is_valid_utf8(query.error().message));
    FUZZ_CHECK(!sas_token_id_of_link("https://h/x?" + text));
    return;
  }
  check_query(*query, text);
  check_verdicts(*query);
}

}  // namespace reachback::fuzz
