// What an Error answers on the wire: the table of api/errors.json and the two bodies made from it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "net/message.h"

namespace reachback::server::rest {

struct ErrorRow {
  int status = 500;
  std::string code;                    // of the MDE envelope
  std::optional<std::string> message;  // instead of the Error's own
  std::optional<std::uint32_t> retry_after_s;
  std::string oauth;        // of the token endpoint's body
  std::int64_t aadsts = 0;  // the number in its description
};

// Immutable; any thread.
class ErrorTable {
 public:
  // The table that is compiled in. Errors: corrupt (an Errc is missing; names it).
  static Result<ErrorTable> load();
  static Result<ErrorTable> parse(std::string_view json);

  const ErrorRow& row(Errc code) const { return rows_[static_cast<std::size_t>(code)]; }
  // The envelope's code for an answer that has a status only (what the connection refuses by
  // itself).
  std::string_view code_of_status(int status) const;

 private:
  static constexpr std::size_t kCodes = static_cast<std::size_t>(Errc::internal) + 1;
  std::array<ErrorRow, kCodes> rows_;
  std::map<int, std::string> statuses_;
};

// An error on its way out, with what the table cannot know.
struct Refusal {
  Error error;
  std::optional<std::uint64_t> retry_after_s;  // instead of the table's
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::int64_t> aadsts;  // instead of the table's
  std::string code;                    // of the envelope; empty: the table's

  Refusal(Error e) : error(std::move(e)) {}  // NOLINT: implicit by design
  Refusal& retry_after(Duration wait);       // in whole seconds, rounded up, at least 1
  Refusal& header(std::string name, std::string value);
};

// 200-like answer with a JSON body and the headers every answer carries.
net::Response json_response(int status, std::string body);

// {"error":{"code","message","target"}}; target is a fresh GUID. A 5xx is logged with its target,
// because its real message stays here.
net::Response render_api_error(const ErrorTable& table, Random& random, const Refusal& refusal);
// The same for an answer with a status only.
net::Response render_status_error(const ErrorTable& table, Random& random, int status,
                                  std::string_view message);
// {"error","error_description",...}. Source: RFC 6749 §5.2; clients.md 8.
net::Response render_oauth_error(const ErrorTable& table, Random& random, Timestamp now,
                                 const Refusal& refusal);

}  // namespace reachback::server::rest
