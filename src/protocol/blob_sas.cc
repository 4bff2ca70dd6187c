#include "protocol/blob_sas.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "crypto/digest.h"

namespace reachback::protocol {
namespace {

constexpr std::size_t kQueryBytesMax = 8 << 10;

Error refuse(std::string why) {
  return Error{Errc::forbidden, std::move(why)};
}

struct Key {
  std::string_view name;
  std::string SasFields::* field;
};
constexpr std::array<Key, 13> kKeys = {{
    {"se", &SasFields::expires},
    {"sp", &SasFields::permissions},
    {"sv", &SasFields::version},
    {"sr", &SasFields::resource},
    {"st", &SasFields::starts},
    {"si", &SasFields::identifier},
    {"sip", &SasFields::ip},
    {"spr", &SasFields::protocol},
    {"rscc", &SasFields::cache_control},
    {"rscd", &SasFields::content_disposition},
    {"rsce", &SasFields::content_encoding},
    {"rscl", &SasFields::content_language},
    {"rsct", &SasFields::content_type},
}};

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// "YYYY-MM-DDTHH:MM:SSZ" and no other spelling.
std::optional<Timestamp> canonical_time(std::string_view text) {
  auto t = text.size() == 20 ? parse_time(text) : std::nullopt;
  return t && format_time_seconds(*t) == text ? t : std::nullopt;
}

// Host byte order. An IPv4 address inside IPv6 (::ffff:a.b.c.d) counts as IPv4.
std::optional<std::uint32_t> ipv4(std::string_view text) {
  constexpr std::string_view kMapped = "::ffff:";
  if (text.starts_with(kMapped)) {
    text.remove_prefix(kMapped.size());
  }
  in_addr address{};
  if (inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) {
    return std::nullopt;
  }
  return ntohl(address.s_addr);
}

bool address_allowed(std::string_view range, std::string_view peer) {
  auto dash = range.find('-');
  auto first = ipv4(range.substr(0, dash));
  auto last = dash == std::string_view::npos ? first : ipv4(range.substr(dash + 1));
  auto ip = ipv4(peer);
  return first && last && ip && *first <= *ip && *ip <= *last;
}

}  // namespace

std::string sas_string_to_sign(const SasFields& f, std::string_view account,
                               std::string_view container, std::string_view blob) {
  std::string resource = "/blob/";
  resource.append(account).append("/").append(container).append("/").append(blob);
  const std::array<std::string_view, 15> lines = {f.permissions,      f.starts,
                                                  f.expires,          resource,
                                                  f.identifier,       f.ip,
                                                  f.protocol,         f.version,
                                                  f.resource,         /*snapshot time*/ "",
                                                  f.cache_control,    f.content_disposition,
                                                  f.content_encoding, f.content_language,
                                                  f.content_type};
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out.append(i == 0 ? "" : "\n").append(lines[i]);
  }
  return out;
}

std::string sas_signature(std::string_view string_to_sign, std::string_view account_key_bytes) {
  return to_base64(as_bytes(crypto::hmac_sha256(account_key_bytes, string_to_sign)));
}

std::string sas_query(const SasFields& fields, std::string_view signature) {
  std::string out;
  for (const Key& key : kKeys) {
    const std::string& value = fields.*key.field;
    if (!value.empty()) {
      out.append(key.name).append("=").append(percent_encode(value)).append("&");
    }
  }
  return out + "sig=" + percent_encode(signature, "/");
}

Result<SasQuery> parse_sas_query(std::string_view query) {
  if (query.size() > kQueryBytesMax) {
    return refuse("the query is too long");
  }
  SasQuery out;
  std::array<bool, kKeys.size()> seen{};
  bool signature_seen = false;
  std::size_t at = 0;
  while (at <= query.size()) {
    std::size_t end = std::min(query.find('&', at), query.size());
    std::string_view pair = query.substr(at, end - at);
    at = end + 1;
    auto equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value || !is_valid_utf8(*value)) {
      return refuse("a key or value of the query is not well percent-encoded");
    }
    // The fields are the lines of the text that is signed: a line break in one could stand for text
    // of the next.
    if (std::any_of(value->begin(), value->end(), is_control)) {
      return refuse("a value of the query holds a control character");
    }
    if (*name == "sig") {
      if (std::exchange(signature_seen, true)) {
        return refuse("sig is given twice");
      }
      out.signature = std::move(*value);
      continue;
    }
    const auto* key =
        std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& k) { return k.name == *name; });
    if (key == kKeys.end()) {
      return refuse("the query has a key that is not of a service SAS");
    }
    if (std::exchange(seen[static_cast<std::size_t>(key - kKeys.begin())], true)) {
      return refuse(std::string(key->name) + " is given twice");
    }
    if (value->empty()) {
      return refuse(std::string(key->name) + " is empty");
    }
    out.fields.*(key->field) = std::move(*value);
  }
  for (std::size_t i = 0; i < 4; ++i) {  // se, sp, sv, sr
    if ((out.fields.*kKeys[i].field).empty()) {
      return refuse(std::string(kKeys[i].name) + " is mandatory and missing");
    }
  }
  auto bytes = from_base64(out.signature);
  if (!bytes || bytes->size() != 32 || to_base64(*bytes) != out.signature) {
    return refuse("sig is missing or not the base64 of 32 bytes");
  }
  return out;
}

Result<void> verify_sas(const SasQuery& query, std::string_view account, std::string_view container,
                        std::string_view blob, std::string_view account_key_bytes, char wanted,
                        std::string_view peer_ip, Timestamp now) {
  const SasFields& f = query.fields;
  if (f.version != kSasVersion) {  // Another version signs another text.
    return refuse("sv is not a version that is served here; it must be 2019-07-07");
  }
  std::string expected =
      sas_signature(sas_string_to_sign(f, account, container, blob), account_key_bytes);
  if (!crypto::constant_time_equal(expected, query.signature)) {
    return refuse("signature did not match");
  }
  if (f.resource != "b") {
    return refuse("sr must be b");
  }
  if (!f.identifier.empty()) {
    return refuse("si names a stored access policy, and there are none");
  }
  auto expires = canonical_time(f.expires);
  auto starts = f.starts.empty() ? std::optional(Timestamp::min()) : canonical_time(f.starts);
  if (!expires || !starts) {
    return refuse("st and se must be UTC as YYYY-MM-DDTHH:MM:SSZ");
  }
  if (now < *starts || now >= *expires) {
    return refuse("signature not valid in the specified time frame: start [" + f.starts +
                  "], expiry [" + f.expires + "], current [" + format_time_seconds(now) + "]");
  }
  if (!f.protocol.empty() && f.protocol != "https" && f.protocol != "https,http") {
    return refuse("spr must be https or https,http");
  }
  if (!f.ip.empty() && !address_allowed(f.ip, peer_ip)) {
    return refuse("sip does not allow the source address");
  }
  if (f.permissions.find(wanted) == std::string::npos) {
    return refuse(std::string("sp does not allow this operation, which needs ") + wanted);
  }
  return {};
}

std::string sas_token_id(std::string_view signature) {
  return to_hex(as_bytes(crypto::sha256(signature)));
}

Result<std::string> sas_token_id_of_link(std::string_view url) {
  auto mark = url.find('?');
  if (mark == std::string_view::npos) {
    return refuse("a link without a query");
  }
  RB_TRY_ASSIGN(SasQuery query, parse_sas_query(url.substr(mark + 1)));
  return sas_token_id(query.signature);
}

}  // namespace reachback::protocol
