// POST /api/reachback/terminals/{id}/input: typing into a terminal. docs/interactive-sessions.md.
#include "base/bytes.h"
#include "server/rest/call.h"
#include "server/rest/handlers.h"
#include "server/rest/json_body.h"
#include "server/rest/json_text.h"
#include "server/rest/of_call.h"

namespace reachback::server::rest {
namespace {

constexpr std::size_t kSignatureBytes = 64;

Result<std::uint64_t> required_number(const json::Object& body, std::string_view name,
                                      std::int64_t least, std::int64_t most) {
  const json::Value* value = body.if_contains(name);
  if (value == nullptr || value->is_null()) {
    return Error{Errc::missing_parameter, std::string(name) + " is missing"};
  }
  if (!value->is_int64() || value->get_int64() < least || value->get_int64() > most) {
    return Error{Errc::invalid_input, std::string(name) + " is a whole number from " +
                                          std::to_string(least) + " to " + std::to_string(most)};
  }
  return static_cast<std::uint64_t>(value->get_int64());
}

Result<std::string> base64_of(const json::Object& body, std::string_view name,
                              std::size_t bytes_max) {
  RB_TRY_ASSIGN(auto text, optional_text(body, name, bytes_max * 2));
  auto bytes = from_base64(text.value_or(""));
  if (!bytes || bytes->size() > bytes_max) {
    return Error{Errc::invalid_input, std::string(name) + " is no base64 of at most " +
                                          std::to_string(bytes_max) + " bytes"};
  }
  return std::move(*bytes);
}

Result<TypedInput> parse_input(const Core& core, const Call& call) {
  RB_TRY(refuse_options(call.query));
  if (!call.principal.may_any(bit(Permission::live_response_advanced))) {
    return Error{Errc::forbidden, "A terminal needs the role live response advanced"};
  }
  RB_TRY_ASSIGN(const json::Value value, parse_json_object(call.content()));
  const json::Object& body = value.get_object();
  const auto side = static_cast<std::int64_t>(core.bounds.terminal_side);
  TypedInput out;
  RB_TRY_ASSIGN(out.from, required_number(body, "from", 0, INT64_MAX));
  RB_TRY_ASSIGN(const std::uint64_t rows, required_number(body, "rows", 1, side));
  RB_TRY_ASSIGN(const std::uint64_t columns, required_number(body, "columns", 1, side));
  out.rows = static_cast<std::uint32_t>(rows);
  out.columns = static_cast<std::uint32_t>(columns);
  RB_TRY_ASSIGN(out.bytes, base64_of(body, "typed", core.bounds.terminal_typed_bytes));
  RB_TRY_ASSIGN(out.signature, base64_of(body, "signature", kSignatureBytes));
  return out;
}

}  // namespace

void post_terminal_input(Core& core, const CallPtr& call) {
  auto id = action_id(*call);
  auto input = parse_input(core, *call);
  if (!id || !input) {
    core.refuse(*call, id ? input.error() : id.error());
    return;
  }
  core.deps.interactive.type(call->principal, *id, *input,
                             [&core, call](const Result<std::uint64_t>& taken) {
                               if (!taken) {
                                 core.refuse(*call, taken.error());
                                 return;
                               }
                               std::string out;
                               ObjectText o(out);
                               o.number("taken", static_cast<std::int64_t>(*taken));
                               o.close();
                               core.answer(*call, 200, std::move(out));
                             });
}

}  // namespace reachback::server::rest
