// The bodies and arguments of the calls that find and change machines. What is accepted is within
// every bound, and written again it is read the same. Input: which call, then its text.
#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "base/ip.h"
#include "fuzz/fuzz.h"
#include "json/json.h"
#include "server/rest/machine_bodies.h"

namespace reachback::fuzz {
namespace {

using namespace server;
using namespace server::rest;

const Timestamp kNow = Timestamp(std::chrono::seconds(1'800'000'000));

Bounds small_bounds() {
  Bounds out{};
  out.tag_chars = 12;
  out.tags = 3;
  out.tag_machines = 3;
  out.find_by_ip_history = std::chrono::hours(30 * 24);
  return out;
}
const Bounds kBounds = small_bounds();

void check_refusal(const Error& error) {
  FUZZ_CHECK(error.code == Errc::invalid_body || error.code == Errc::missing_parameter ||
             error.code == Errc::invalid_input || error.code == Errc::batch_too_large ||
             error.code == Errc::invalid_query || error.code == Errc::invalid_ip);
  FUZZ_CHECK(!error.message.empty() && is_valid_utf8(error.message));
}

void check_tag(const std::string& tag) {
  FUZZ_CHECK(!tag.empty() && tag.front() != ' ' && tag.back() != ' ' && is_valid_utf8(tag));
  FUZZ_CHECK(std::none_of(tag.begin(), tag.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  }));
  FUZZ_CHECK(std::count_if(tag.begin(), tag.end(), [](char c) { return (c & 0xc0) != 0x80; }) <=
             12);
}

void check_tag_body(std::string_view text, bool many) {
  auto body = parse_tag_body(text, many, kBounds);
  if (!body) {
    check_refusal(body.error());
    return;
  }
  check_tag(body->tag);
  FUZZ_CHECK(body->machines.size() <= 3 && body->machines.empty() == !many);
  json::Array machines;
  for (const MachineId& id : body->machines) {
    machines.emplace_back(id.text());
  }
  FUZZ_CHECK(std::set<MachineId>(body->machines.begin(), body->machines.end()).size() ==
             body->machines.size());
  const json::Object written = {{"Value", body->tag},
                                {"Action", body->remove ? "Remove" : "Add"},
                                {"MachineIds", std::move(machines)}};
  auto again = parse_tag_body(json::write(written), many, kBounds);
  FUZZ_CHECK(again && again->tag == body->tag && again->remove == body->remove &&
             again->machines == body->machines);
}

std::string_view name_of(DeviceValue value) {
  return value == DeviceValue::low ? "Low" : value == DeviceValue::high ? "High" : "Normal";
}

void check_device_value(std::string_view text) {
  auto value = parse_device_value_body(text);
  if (!value) {
    check_refusal(value.error());
    return;
  }
  auto again =
      parse_device_value_body(R"({"DeviceValue":")" + std::string(name_of(*value)) + "\"}");
  FUZZ_CHECK(again && *again == *value);
}

void check_patch(std::string_view text) {
  auto change = parse_machine_patch(text, kBounds);
  if (!change) {
    check_refusal(change.error());
    return;
  }
  FUZZ_CHECK(change->tags || change->device_value);
  FUZZ_CHECK(change->tags_max == 3 && change->add_tags.empty() && change->remove_tags.empty());
  json::Object written;
  if (change->tags) {
    json::Array tags;
    for (const std::string& tag : *change->tags) {
      check_tag(tag);
      tags.emplace_back(tag);
    }
    FUZZ_CHECK(tags.size() <= 3);
    FUZZ_CHECK(std::set<std::string>(change->tags->begin(), change->tags->end()).size() ==
               tags.size());
    written["machineTags"] = std::move(tags);
  }
  if (change->device_value) {
    written["deviceValue"] = name_of(*change->device_value);
  }
  auto again = parse_machine_patch(json::write(written), kBounds);
  FUZZ_CHECK(again && again->tags == change->tags && again->device_value == change->device_value);
  written["healthStatus"] = "Active";  // what else a machine has cannot be set
  FUZZ_CHECK(!parse_machine_patch(json::write(written), kBounds));
}

// As a parameter of a path, which is UTF-8 (target route).
void check_find_by_ip(std::string_view text) {
  if (!is_valid_utf8(text)) {
    return;
  }
  auto find = parse_find_by_ip(text, kNow, kBounds);
  if (!find) {
    check_refusal(find.error());
    return;
  }
  FUZZ_CHECK(!find->ip.empty() && normal_ip(find->ip) == find->ip);
  FUZZ_CHECK(find->at >= kNow - std::chrono::hours(30 * 24));
  FUZZ_CHECK(find->at <= kNow + std::chrono::minutes(15));
  auto again = parse_find_by_ip("timestamp=" + format_time(find->at) + ",IP='" + find->ip + "'",
                                kNow, kBounds);
  FUZZ_CHECK(again && again->ip == find->ip && again->at == find->at);
}

void check_find_by_tag(std::string_view text) {
  auto query = parse_pairs(text, 8);
  if (!query) {
    return;
  }
  auto find = parse_find_by_tag(*query);
  if (!find) {
    check_refusal(find.error());
    return;
  }
  FUZZ_CHECK(!find->tag.empty());
  auto again = parse_find_by_tag(
      {{"tag", find->tag}, {"useStartsWithFilter", find->prefix ? "TRUE" : "False"}});
  FUZZ_CHECK(again && again->tag == find->tag && again->prefix == find->prefix);
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  switch (in.choice(6)) {
    case 0:
      check_tag_body(in.rest(), /*many=*/false);
      return;
    case 1:
      check_tag_body(in.rest(), /*many=*/true);
      return;
    case 2:
      check_device_value(in.rest());
      return;
    case 3:
      check_patch(in.rest());
      return;
    case 4:
      check_find_by_ip(in.rest());
      return;
    default:
      check_find_by_tag(in.rest());
  }
}

}  // namespace reachback::fuzz
