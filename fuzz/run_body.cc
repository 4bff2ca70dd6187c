// The bodies of runliveresponse and cancel, and the Idempotency-Key. What is accepted is within its
// bounds and, written as JSON again, reads the same.
#include "server/rest/run_body.h"

#include <algorithm>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "json/json.h"
#include "server/rest/names.h"
#include "server/service/library.h"

namespace reachback::fuzz {
namespace {

using namespace server;
using namespace server::rest;
using action::CommandType;

Bounds small_bounds() {
  Bounds out{};
  out.commands = 3;
  out.comment_chars = 24;
  out.title_chars = 12;
  out.args_bytes = 32;
  out.get_file_path_bytes = 32;
  return out;
}

std::uint64_t characters(std::string_view text) {
  return static_cast<std::uint64_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

void check_refusal(const Error& error) {
  FUZZ_CHECK(error.code == Errc::invalid_body || error.code == Errc::missing_parameter ||
             error.code == Errc::invalid_input || error.code == Errc::batch_too_large);
  FUZZ_CHECK(!error.message.empty() && is_valid_utf8(error.message));
}

int order_of(CommandType type) {
  return type == CommandType::put_file ? 0 : type == CommandType::run_script ? 1 : 2;
}

void check_command(const SubmitCommand& command, const Bounds& bounds) {
  FUZZ_CHECK(!command.params.empty() && command.params.size() <= 2);
  if (command.type == CommandType::get_file) {
    FUZZ_CHECK(!command.path.empty() && command.path.size() <= bounds.get_file_path_bytes);
    FUZZ_CHECK(command.file_name.empty() && !command.args);
  } else {
    FUZZ_CHECK(is_library_name(command.file_name) && command.path.empty());
    FUZZ_CHECK(!command.args || command.type == CommandType::run_script);
  }
  FUZZ_CHECK(!command.args || command.args->size() <= bounds.args_bytes);
  for (const action::Param& param : command.params) {
    FUZZ_CHECK(param.value.find('\0') == std::string::npos && is_valid_utf8(param.value));
  }
}

json::Object written(const SubmitRequest& request) {
  json::Object out;
  json::Array& commands = out["Commands"].emplace_array();
  for (const SubmitCommand& command : request.commands) {
    json::Array params;
    for (const action::Param& param : command.params) {
      params.push_back(json::Object{{"key", param.key}, {"value", param.value}});
    }
    commands.push_back(
        json::Object{{"type", std::string(type_name(command.type))}, {"params", params}});
  }
  out["Comment"] = request.comment;
  out["RequestSource"] = request.request_source;
  if (request.title) {
    out["Title"] = *request.title;
  }
  if (request.external_id) {
    out["ExternalId"] = *request.external_id;
  }
  return out;
}

void check_run_body(std::string_view body, const Bounds& bounds) {
  auto request = parse_run_body(body, bounds);
  if (!request) {
    check_refusal(request.error());
    return;
  }
  FUZZ_CHECK(!request->commands.empty() && request->commands.size() <= bounds.commands);
  int order = 0;
  for (const SubmitCommand& command : request->commands) {
    check_command(command, bounds);
    FUZZ_CHECK(order_of(command.type) >= order);
    order = order_of(command.type);
  }
  FUZZ_CHECK(characters(request->comment) <= bounds.comment_chars);
  FUZZ_CHECK(characters(request->title.value_or("")) <= bounds.title_chars);
  FUZZ_CHECK(characters(request->external_id.value_or("")) <= bounds.title_chars);
  FUZZ_CHECK(is_request_source(request->request_source));
  FUZZ_CHECK(!request->idempotency_key);
  auto again = parse_run_body(json::write(written(*request)), bounds);
  FUZZ_CHECK(again && written(*again) == written(*request));
  for (std::size_t i = 0; i < request->commands.size(); ++i) {
    const SubmitCommand &a = request->commands[i], &b = again->commands[i];
    FUZZ_CHECK(a.file_name == b.file_name && a.args == b.args && a.path == b.path);
  }
}

}  // namespace

void run(std::string_view input) {
  static const Bounds bounds = small_bounds();
  Input in(input);
  switch (in.choice(3)) {
    case 0:
      check_run_body(in.rest(), bounds);
      return;
    case 1: {
      auto comment = parse_comment_body(in.rest(), bounds);
      if (!comment) {
        check_refusal(comment.error());
        return;
      }
      FUZZ_CHECK(!comment->empty() && characters(*comment) <= bounds.comment_chars);
      FUZZ_CHECK(comment->find('\0') == std::string::npos);
      auto again = parse_comment_body(json::write(json::Object{{"Comment", *comment}}), bounds);
      FUZZ_CHECK(again && *again == *comment);
      return;
    }
    default: {
      net::Headers headers;
      while (!in.rest().empty()) {
        headers.add("Idempotency-Key", std::string(in.line()));
      }
      auto key = parse_idempotency_key(headers, 16);
      if (key && *key) {
        FUZZ_CHECK(headers.all().size() == 1 && **key == headers.all()[0].second);
        FUZZ_CHECK(!(*key)->empty() && (*key)->size() <= 16);
        FUZZ_CHECK((*key)->find_first_of(std::string_view(" \0\r\n\t\x7f", 6)) ==
                   std::string::npos);
      } else if (key) {
        FUZZ_CHECK(headers.all().empty());
      } else {
        check_refusal(key.error());
      }
    }
  }
}

}  // namespace reachback::fuzz
