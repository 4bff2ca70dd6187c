// Lines of the audit's file, and the chain's ends as they are exported. Records of any fields
// become lines that follow each other and are JSON; a line that is changed, left out or moved is
// seen; a line from anywhere follows only where its hash says so. Input: what is tried; then a byte
// for what changes and fields, one a line; or lines; or the text of an end.
#include <algorithm>
#include <vector>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "fuzz/fuzz.h"
#include "json/json.h"
#include "server/audit_file/chain.h"

namespace reachback::fuzz {
namespace {

using namespace server;

std::string shown(std::string_view field) {
  if (field.size() <= kAuditFieldBytesMax) {
    return to_valid_utf8(field);
  }
  return to_valid_utf8(field.substr(0, kAuditFieldBytesMax)) + "... (" +
         std::to_string(field.size()) + " bytes)";
}

void check_records(Input in) {
  const unsigned where = in.byte() * 256u + in.byte();
  const auto change = static_cast<char>(in.byte());
  std::vector<AccessRecord> records;
  while (!in.rest().empty() && records.size() < 4) {
    AccessRecord r;
    r.at = Timestamp(std::chrono::seconds(1'800'000'000));
    for (std::string* field :
         {&r.kind, &r.principal, &r.token_id, &r.object, &r.result, &r.peer_ip}) {
      *field = in.line();
    }
    if (records.size() % 2 == 1) {
      r.request = crypto::sha256(r.kind);
    }
    records.push_back(r);
  }
  std::vector<std::string> lines;
  AuditHead head, reader;
  for (const AccessRecord& r : records) {
    std::string line;
    append_audit_line(line, head, audit_body(r));
    FUZZ_CHECK(line.size() <= kAuditLineBytesMax && line.find('\n') == line.size() - 1);
    line.pop_back();
    FUZZ_CHECK(follow_audit_line(line, reader).empty() && reader == head);
    FUZZ_CHECK(names_record(line, head));
    auto value = json::parse(line);
    FUZZ_CHECK(value && value->is_object());
    const json::Object& o = value->get_object();
    FUZZ_CHECK(o.at("seq").to_number<std::uint64_t>() == head.seq);
    FUZZ_CHECK(o.at("kind").as_string() == shown(r.kind));
    FUZZ_CHECK(o.at("principal").as_string() == shown(r.principal));
    FUZZ_CHECK(o.at("object").as_string() == shown(r.object));
    FUZZ_CHECK(o.at("peer_ip").as_string() == shown(r.peer_ip));
    FUZZ_CHECK(o.contains("request") == r.request.has_value());
    FUZZ_CHECK(parse_audit_head(text_of(head)) == head);
    lines.push_back(line);
  }
  const auto follows = [](const std::vector<std::string>& some) {
    AuditHead at;
    return std::all_of(some.begin(), some.end(), [&](const std::string& line) {
      return follow_audit_line(line, at).empty();
    });
  };
  FUZZ_CHECK(follows(lines));
  if (lines.empty()) {
    return;
  }
  std::vector<std::string> changed = lines;
  std::string& line = changed[where % changed.size()];
  line[where % line.size()] ^= change;
  FUZZ_CHECK(follows(changed) == (change == 0));
  changed = lines;
  changed.erase(changed.begin());
  FUZZ_CHECK(changed.empty() || !follows(changed));
  changed.insert(changed.begin() + (changed.empty() ? 0 : 1), lines.front());
  FUZZ_CHECK(lines.size() < 2 || !follows(changed));
}

void check_lines(Input in) {
  AuditHead head;
  while (!in.rest().empty()) {
    const AuditHead before = head;
    const std::string line(in.line());
    const std::string why = follow_audit_line(line, head);
    FUZZ_CHECK(is_valid_utf8(why) && why.size() < 200);
    if (!why.empty()) {
      FUZZ_CHECK(head == before);
      continue;
    }
    FUZZ_CHECK(head.seq == before.seq + 1 && names_record(line, head));
    FUZZ_CHECK(line.find(to_hex(as_bytes(before.hash))) != std::string::npos);
    FUZZ_CHECK(line.ends_with(",\"hash\":\"" + to_hex(as_bytes(head.hash)) + "\"}"));
  }
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  switch (in.choice(3)) {
    case 0:
      check_records(in);
      return;
    case 1:
      check_lines(in);
      return;
    default:
      if (auto head = parse_audit_head(in.rest())) {
        FUZZ_CHECK(text_of(*head) == in.rest());
      }
  }
}

}  // namespace reachback::fuzz
