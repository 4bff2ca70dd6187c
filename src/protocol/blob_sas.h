// The Azure Storage service SAS of one blob, version 2019-07-07: what a link says and how it is
// signed. Pure. Source: mde-spec.md §3.1, stack.md §8; equal to generateBlobSASQueryParameters of
// @azure/storage-blob for the same key and fields.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace reachback::protocol {

struct SasFields {
  std::string permissions;  // sp: "r" or "cw" when we mint; any spelling when verified
  std::string starts;       // st: empty when we mint
  std::string expires;      // se: "2021-02-04T16:13:50Z"
  std::string identifier;   // si
  std::string ip;           // sip
  std::string protocol;     // spr
  std::string version;      // sv
  std::string resource;     // sr
  // Overrides of the answer's headers: rscc rscd rsce rscl rsct.
  std::string cache_control, content_disposition, content_encoding, content_language, content_type;
};

// The string to sign for /{account}/{container}/{blob} (blob not percent-encoded), and its base64
// HMAC with the decoded account key.
std::string sas_string_to_sign(const SasFields& fields, std::string_view account,
                               std::string_view container, std::string_view blob);
std::string sas_signature(std::string_view string_to_sign, std::string_view account_key_bytes);

// "se=…&sp=r&sv=2019-07-07&sr=b&sig=…", in MDE's order, other fields that are set before sig; '/'
// of the signature bare as in MDE's sample, '+' and '=' percent-encoded.
std::string sas_query(const SasFields& fields, std::string_view signature);

struct SasQuery {
  SasFields fields;
  std::string signature;  // base64, decoded from the query
};
// Parses a link's query string, read as a form: '+' is a space, as in Azure, so a bare '+' never
// stands for the one of a signature. Errors (forbidden): a key twice, unknown or empty, a missing
// sp/se/sv/sr/sig, bad percent-encoding, a control character, a signature that is not canonical
// base64 of 32 bytes.
Result<SasQuery> parse_sas_query(std::string_view query);

inline constexpr std::string_view kSasVersion = "2019-07-07";

// Checks signature (constant time), sv, sr=b, times (`st`, `se` canonical "YYYY-MM-DDTHH:MM:SSZ",
// expired at exactly se), `sip` and `spr`; `si` is refused, for we keep no stored policies. wanted:
// the permission letter that the request needs. Errors: forbidden, with Azure's reason in the
// message.
Result<void> verify_sas(const SasQuery& query, std::string_view account, std::string_view container,
                        std::string_view blob, std::string_view account_key_bytes, char wanted,
                        std::string_view peer_ip, Timestamp now);

// What the audit log calls a link, at mint and at download: the SHA-256, in hex, of the signature's
// base64 text.
std::string sas_token_id(std::string_view signature);
// The same, of a whole link. Errors: forbidden, as parse_sas_query.
Result<std::string> sas_token_id_of_link(std::string_view url);

}  // namespace reachback::protocol
