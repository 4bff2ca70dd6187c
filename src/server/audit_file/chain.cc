#include "server/audit_file/chain.h"

#include <algorithm>
#include <charconv>

#include "crypto/digest.h"
#include "json/json.h"

namespace reachback::server {
namespace {

constexpr std::string_view kSeq = "{\"seq\":";
constexpr std::string_view kPrev = ",\"prev\":\"";
constexpr std::string_view kHash = ",\"hash\":\"";
constexpr std::string_view kEnd = "\"}";
constexpr std::size_t kHexDigits = 64;

void append_string(std::string& out, std::string_view text) {
  bool plain = std::all_of(text.begin(), text.end(),
                           [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
  if (plain) {  // nearly always; quote() costs a few allocations
    out.append("\"").append(text).append("\"");
  } else {
    out.append(json::quote(text));
  }
}

void append_field(std::string& out, std::string_view key, std::string_view value) {
  out.append(",\"").append(key).append("\":");
  if (value.size() <= kAuditFieldBytesMax) {
    append_string(out, value);
  } else {
    append_string(out, std::string(value.substr(0, kAuditFieldBytesMax)) + "... (" +
                           std::to_string(value.size()) + " bytes)");
  }
}

// Takes `expected` off the front of `rest`; false: it is not there.
bool take(std::string_view& rest, std::string_view expected) {
  if (rest.substr(0, expected.size()) != expected) {
    return false;
  }
  rest.remove_prefix(expected.size());
  return true;
}

struct Frame {
  std::uint64_t seq = 0;
  std::string_view prev, hash, hashed;
};

bool parse_frame(std::string_view line, Frame& out) {
  const std::size_t tail = kHash.size() + kHexDigits + kEnd.size();
  if (line.size() < tail || line.size() > kAuditLineBytesMax) {
    return false;
  }
  out.hashed = line.substr(0, line.size() - tail);
  std::string_view end = line.substr(out.hashed.size());
  std::string_view rest = out.hashed;
  if (!take(end, kHash) || !take(rest, kSeq)) {
    return false;
  }
  out.hash = end.substr(0, kHexDigits);
  end.remove_prefix(kHexDigits);
  auto [after, error] = std::from_chars(rest.data(), rest.data() + rest.size(), out.seq);
  // One spelling of a number only.
  if (end != kEnd || error != std::errc() || rest.front() == '0') {
    return false;
  }
  rest.remove_prefix(static_cast<std::size_t>(after - rest.data()));
  if (!take(rest, kPrev) || rest.size() < kHexDigits) {
    return false;
  }
  out.prev = rest.substr(0, kHexDigits);
  rest.remove_prefix(kHexDigits);
  return take(rest, "\",\"at\":");
}

}  // namespace

std::string audit_body(const AccessRecord& r) {
  std::string out;
  out.reserve(320);
  out.append("\"at\":\"").append(format_time(r.at)).append("\"");
  append_field(out, "tenant", r.tenant.text());
  append_field(out, "kind", r.kind);
  append_field(out, "principal", r.principal);
  append_field(out, "token_id", r.token_id);
  append_field(out, "object", r.object);
  append_field(out, "result", r.result);
  append_field(out, "peer_ip", r.peer_ip);
  if (r.request) {
    out.append(",\"request\":\"").append(to_hex(as_bytes(*r.request))).append("\"");
  }
  return out;
}

void append_audit_line(std::string& out, AuditHead& head, std::string_view body) {
  std::size_t begin = out.size();
  out.append(kSeq).append(std::to_string(head.seq + 1));
  out.append(kPrev).append(to_hex(as_bytes(head.hash))).append("\",").append(body);
  head.seq += 1;
  head.hash = crypto::sha256(std::string_view(out).substr(begin));
  out.append(kHash).append(to_hex(as_bytes(head.hash))).append(kEnd).append("\n");
}

std::string follow_audit_line(std::string_view line, AuditHead& head) {
  Frame f;
  if (!parse_frame(line, f)) {
    return "not an audit record";
  }
  Sha256 hash = crypto::sha256(f.hashed);
  if (f.hash != to_hex(as_bytes(hash))) {
    return "the record was changed: its hash does not fit";
  }
  if (f.seq != head.seq + 1) {
    return "record " + std::to_string(head.seq + 1) + " belongs here, this is record " +
           std::to_string(f.seq) + (f.seq > head.seq ? ": records are missing" : ": not in order");
  }
  if (f.prev != to_hex(as_bytes(head.hash))) {
    return "the record does not follow the one before it: one of the two was put in place of "
           "another";
  }
  head = AuditHead{f.seq, hash};
  return {};
}

bool names_record(std::string_view line, const AuditHead& head) {
  Frame f;
  return parse_frame(line, f) && f.seq == head.seq && crypto::sha256(f.hashed) == head.hash &&
         f.hash == to_hex(as_bytes(head.hash));
}

}  // namespace reachback::server
