#include "protocol/codec.h"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include "base/ip.h"
#include "protocol/shape.h"

namespace reachback::protocol {
namespace {

constexpr std::size_t kOrderBytesMax = 512 << 10;
constexpr std::size_t kHelloBodyBytesMax = 16 << 10;
constexpr std::size_t kFactBytesMax = 128;  // versions, platform names
constexpr std::size_t kAddressesMax = 32;
constexpr std::size_t kFileNameBytesMax = 128;
constexpr std::size_t kReceiptBytesMax = 1024 + kFetchedPathBytesMax;
constexpr std::size_t kOrderKeysMax = 8;
constexpr std::size_t kOrderKeysBytesMax = 4096;
constexpr std::size_t kKeyBytesMax = 256;
constexpr std::uint64_t kDayMs = 24ull * 3600 * 1000;
constexpr std::uint64_t kWindowMsMax = 90 * kDayMs;
constexpr std::uint64_t kPauseMsMax = 3600ull * 1000;  // heartbeats and reconnect hints

Error bad(std::string_view field, std::string_view why) {
  return Error{Errc::protocol, fmt::format("{}: {}", field, why)};
}

Result<void> check_size(std::string_view field, std::string_view value, std::size_t bytes) {
  if (value.size() != bytes) {
    return bad(field, fmt::format("{} bytes, expected {}", value.size(), bytes));
  }
  return {};
}

Result<void> check_text(std::string_view field, std::string_view value, std::size_t bytes_max) {
  if (value.size() > bytes_max) {
    return bad(field, fmt::format("{} bytes, the limit is {}", value.size(), bytes_max));
  }
  if (!is_valid_utf8(value) || value.find('\0') != std::string_view::npos) {
    return bad(field, "not UTF-8 text without NUL");
  }
  return {};
}

Result<void> check_range(std::string_view field, std::uint64_t value, std::uint64_t min,
                         std::uint64_t max) {
  if (value < min || value > max) {
    return bad(field, fmt::format("{} is not in {}..{}", value, min, max));
  }
  return {};
}

Result<void> check_time(std::string_view field, std::int64_t us) {
  if (us < 0 || us > kTimeUsMax) {
    return bad(field, fmt::format("{} is not a time of 1970..9999", us));
  }
  return {};
}

Result<void> check_index(std::uint32_t index) {
  return check_range("index", index, 0, kCommandsMax - 1);
}

Result<void> check_grant(std::string_view action, std::uint64_t epoch) {
  RB_TRY(check_size("action", action, ActionId::kBytes));
  return check_range("epoch", epoch, 1, ~std::uint64_t{0});
}

Result<void> check_kind(pb::UploadKind kind) {
  switch (kind) {
    case pb::RESULT:
    case pb::RAW_STDOUT:
    case pb::RAW_STDERR:
      return {};
    default:
      return bad("kind", "unknown");
  }
}

Result<void> check_file_name(std::string_view name, std::size_t bytes_max) {
  RB_TRY(check_text("file_name", name, bytes_max));
  if (name.empty() || name == "." || name == "..") {
    return bad("file_name", "not a name");
  }
  for (char c : name) {
    if (c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return bad("file_name", "holds a separator or a control character");
    }
  }
  return {};
}

Result<void> check_blob(std::string_view field, const pb::BlobRef& blob) {
  if (blob.name().size() != 32 || !from_hex(blob.name())) {
    return bad(fmt::format("{}.name", field), "not 32 lower-case hex digits");
  }
  return check_size(fmt::format("{}.sha256", field), blob.sha256(), 32);
}

Result<void> check(const pb::SignedReceipt& m) {
  RB_TRY(check_range("receipt", m.receipt().size(), 1, kReceiptBytesMax));
  return check_size("receipt.signature", m.signature(), 64);
}

Result<void> check_size_or_none(std::string_view field, std::string_view value, std::size_t bytes) {
  return value.empty() ? Result<void>() : check_size(field, value, bytes);
}

Result<void> check(const pb::Receipt& m) {
  RB_TRY(check_size("machine", m.machine(), MachineId::kBytes));
  RB_TRY(check_range("number", m.number(), 1, ~std::uint64_t{0}));
  RB_TRY(check_size_or_none("previous", m.previous(), 32));
  RB_TRY(check_size("generation", m.generation(), JournalGeneration::kBytes));
  RB_TRY(check_grant(m.action(), m.epoch()));
  RB_TRY(check_index(m.index()));
  RB_TRY(check_size("order_sha256", m.order_sha256(), 32));
  RB_TRY(check_size_or_none("script_sha256", m.script_sha256(), 32));
  RB_TRY(check_text("script_name", m.script_name(), kFileNameBytesMax));
  if (m.outcome() != pb::COMPLETED && m.outcome() != pb::FAILED) {
    return bad("outcome", "unknown");
  }
  RB_TRY(check_time("started_us", m.started_us()));
  RB_TRY(check_time("ended_us", m.ended_us()));
  if (!m.has_exit_code() && m.exit_code() != 0) {
    return bad("exit_code", "a value that is said to be absent");
  }
  RB_TRY(check_size_or_none("stdout_sha256", m.stdout_sha256(), 32));
  RB_TRY(check_size_or_none("stderr_sha256", m.stderr_sha256(), 32));
  RB_TRY(check_size_or_none("result_sha256", m.result_sha256(), 32));
  RB_TRY(check_text("file_path", m.file_path(), kFetchedPathBytesMax));
  return check_size_or_none("file_sha256", m.file_sha256(), 32);
}

Result<void> check(const pb::OrderKeys& m) {
  RB_TRY(check_range("version", m.version(), 1, ~std::uint64_t{0}));
  RB_TRY(check_range("keys", static_cast<std::uint64_t>(m.keys_size()), 1, kOrderKeysMax));
  for (const auto& key : m.keys()) {
    RB_TRY(check_range("keys", key.size(), 1, kKeyBytesMax));
  }
  return {};
}

Result<void> check(const pb::SignedOrderKeys& m) {
  RB_TRY(check_range("order_keys.keys", m.keys().size(), 1, kOrderKeysBytesMax));
  RB_TRY(check_range("order_keys.signatures", static_cast<std::uint64_t>(m.signatures_size()), 1,
                     kOrderKeysMax));
  for (const auto& s : m.signatures()) {
    RB_TRY(check_size("order_keys.key_id", s.key_id(), 8));
    RB_TRY(check_size("order_keys.signature", s.signature(), 64));
  }
  return {};
}

Result<void> check(const pb::CommandEnded& m) {
  RB_TRY(check_grant(m.action(), m.epoch()));
  RB_TRY(check_index(m.index()));
  if (m.outcome() != pb::COMPLETED && m.outcome() != pb::FAILED) {
    return bad("outcome", "unknown");
  }
  RB_TRY(check_time("started_us", m.started_us()));
  RB_TRY(check_time("ended_us", m.ended_us()));
  if (!m.has_exit_code() && m.exit_code() != 0) {
    return bad("exit_code", "a value that is said to be absent");
  }
  RB_TRY(check_range("errors", static_cast<std::uint64_t>(m.errors_size()), 0, kErrorsMax));
  for (const auto& text : m.errors()) {
    RB_TRY(check_text("errors", text, kErrorBytesMax));
  }
  if (m.has_result()) {
    RB_TRY(check_blob("result", m.result()));
  }
  if (m.has_raw_stdout()) {
    RB_TRY(check_blob("raw_stdout", m.raw_stdout()));
  }
  if (m.has_raw_stderr()) {
    RB_TRY(check_blob("raw_stderr", m.raw_stderr()));
  }
  if (m.has_receipt()) {
    RB_TRY(check(m.receipt()));
  }
  if (m.has_file()) {
    RB_TRY(check_text("file.path", m.file().path(), kFetchedPathBytesMax));
    RB_TRY(check_size("file.sha256", m.file().sha256(), 32));
  }
  return {};
}

Result<void> check(const pb::NetworkAddress& m) {
  if (m.ip().empty() || normal_ip(m.ip()) != m.ip()) {
    return bad("addresses.ip", "no IP address as inet_ntop() writes it");
  }
  RB_TRY(check_size_or_none("addresses.mac", m.mac(), 6));
  if (!pb::InterfaceType_IsValid(m.type()) || !pb::OperationalStatus_IsValid(m.status())) {
    return bad("addresses", "a type or status that is not known");
  }
  return {};
}

Result<void> check(const pb::Hello::Body& m) {
  RB_TRY(check_range("public_key", m.public_key().size(), 1, 256));
  RB_TRY(check_size("generation", m.generation(), 16));
  RB_TRY(check_size("boot", m.boot(), 16));
  RB_TRY(check_size("nonce", m.nonce(), 16));
  RB_TRY(check_text("agent_version", m.agent_version(), kFactBytesMax));
  RB_TRY(check_text("host_name", m.host_name(), kHostNameBytesMax));
  RB_TRY(check_text("os_platform", m.os_platform(), kFactBytesMax));
  RB_TRY(check_text("os_version", m.os_version(), kFactBytesMax));
  RB_TRY(check_text("os_architecture", m.os_architecture(), kFactBytesMax));
  RB_TRY(check_text("os_distribution", m.os_distribution(), kFactBytesMax));
  RB_TRY(check_range("os_build", m.os_build(), 0, INT64_MAX));
  RB_TRY(check_text("os_processor", m.os_processor(), kFactBytesMax));
  RB_TRY(
      check_range("addresses", static_cast<std::uint64_t>(m.addresses_size()), 0, kAddressesMax));
  for (const auto& address : m.addresses()) {
    RB_TRY(check(address));
  }
  RB_TRY(check_size_or_none("life", m.life(), 16));
  return m.last_contact().empty() ? Result<void>()
                                  : check_size("last_contact", m.last_contact(), 16);
}

// No file is as long as a stream's offset may be.
Result<void> check_offsets(std::uint64_t out, std::uint64_t err) {
  RB_TRY(check_range("stdout_from", out, 0, INT64_MAX));
  return check_range("stderr_from", err, 0, INT64_MAX);
}

Result<void> check(const pb::TerminalTaken& m) {
  RB_TRY(check_range("taken", m.taken(), 0, INT64_MAX));
  RB_TRY(check_text("error", m.error(), kErrorBytesMax));
  return m.error().empty() || m.taken() == 0 ? Result<void>() : bad("error", "with bytes taken");
}

Result<void> check(const pb::OutputPiece& m) {
  RB_TRY(check_offsets(m.stdout_from(), m.stderr_from()));
  RB_TRY(check_range("stdout", m.stdout().size(), 0, kOutputPieceBytesMax));
  RB_TRY(check_range("stderr", m.stderr().size(), 0, kOutputPieceBytesMax));
  if (m.gone() && (m.whole() || !m.stdout().empty() || !m.stderr().empty())) {
    return bad("gone", "with bytes or an end");
  }
  return {};
}

Result<void> check(const pb::ToServer& m) {
  switch (m.message_case()) {
    case pb::ToServer::kHello:
      RB_TRY(check_range("hello.body", m.hello().body().size(), 1, kHelloBodyBytesMax));
      RB_TRY(check_size("hello.signature", m.hello().signature(), 64));
      // Decoded here only to be checked; verify_hello() hands it out.
      RB_TRY(decode_hello_body(m.hello().body()));
      return {};
    case pb::ToServer::kHeartbeat:
      return {};
    case pb::ToServer::kOrderReceived:
      return check_grant(m.order_received().action(), m.order_received().epoch());
    case pb::ToServer::kOrderRefused:
      RB_TRY(check_grant(m.order_refused().action(), m.order_refused().epoch()));
      RB_TRY(check_size("order_sha256", m.order_refused().order_sha256(), 32));
      return check_text("reason", m.order_refused().reason(), kReasonBytesMax);
    case pb::ToServer::kNotStarted:
      return check_grant(m.not_started().action(), m.not_started().epoch());
    case pb::ToServer::kCancelConfirmed:
      return check_grant(m.cancel_confirmed().action(), m.cancel_confirmed().epoch());
    case pb::ToServer::kCommandStarted:
      RB_TRY(check_grant(m.command_started().action(), m.command_started().epoch()));
      RB_TRY(check_time("at_us", m.command_started().at_us()));
      return check_index(m.command_started().index());
    case pb::ToServer::kCommandEnded:
      return check(m.command_ended());
    case pb::ToServer::kUploadRequest:
      RB_TRY(check_grant(m.upload_request().action(), m.upload_request().epoch()));
      RB_TRY(check_index(m.upload_request().index()));
      RB_TRY(check_kind(m.upload_request().kind()));
      if (!m.upload_request().file_name().empty()) {
        RB_TRY(check_file_name(m.upload_request().file_name(), kResultNameBytesMax));
      }
      return check_size("sha256", m.upload_request().sha256(), 32);
    case pb::ToServer::kOrderKeysKept:
      return check_range("version", m.order_keys_kept().version(), 1, ~std::uint64_t{0});
    case pb::ToServer::kContactKept:
      return check_size("contact", m.contact_kept().contact(), 16);
    case pb::ToServer::kOutputPiece:
      return check(m.output_piece());
    case pb::ToServer::kTerminalTaken:
      return check(m.terminal_taken());
    case pb::ToServer::MESSAGE_NOT_SET:
      break;
  }
  return {};  // Of a newer version: shape.h has seen that it is not empty.
}

Result<void> check(const pb::Command& m) {
  switch (m.type()) {
    case pb::RUN_SCRIPT:
    case pb::PUT_FILE:
      RB_TRY(check_file_name(m.file_name(), kFileNameBytesMax));
      RB_TRY(check_size("file_sha256", m.file_sha256(), 32));
      break;
    case pb::GET_FILE:
      RB_TRY(check_range("path", m.path().size(), 1, kPathBytesMax));
      break;
    case pb::BUILT_IN:
    case pb::TERMINAL:
      RB_TRY(check_file_name(m.file_name(), kFileNameBytesMax));
      RB_TRY(check_range("path", m.path().size(), 1, kPathBytesMax));
      break;
    case pb::COLLECT:
      RB_TRY(check_file_name(m.file_name(), kFileNameBytesMax));
      break;
    default:
      return bad("type", "unknown");
  }
  RB_TRY(check_text("args", m.args(), kArgsBytesMax));
  RB_TRY(check_text("path", m.path(), kPathBytesMax));
  return check_range("timeout_ms", m.timeout_ms(), 1, kWindowMsMax);
}

Result<void> check(const pb::Order& m) {
  RB_TRY(check_size("tenant", m.tenant(), TenantId::kBytes));
  RB_TRY(check_size("machine", m.machine(), MachineId::kBytes));
  RB_TRY(check_grant(m.action(), m.epoch()));
  RB_TRY(check_size("generation", m.generation(), JournalGeneration::kBytes));
  RB_TRY(check_range("commands", static_cast<std::uint64_t>(m.commands_size()), 1, kCommandsMax));
  for (const auto& command : m.commands()) {
    RB_TRY(check(command));
  }
  RB_TRY(check_range("window_ms", m.window_ms(), 1, kWindowMsMax));
  RB_TRY(check_size("session", m.session(), 16));
  return check_text("requestor", m.requestor(), kRequestorBytesMax);
}

Result<void> check(const pb::ExecuteOrder& m) {
  RB_TRY(check_range("order.order", m.order().order().size(), 1, kOrderBytesMax));
  RB_TRY(check_size("order.signature", m.order().signature(), 64));
  RB_TRY(check_size("order.key_id", m.order().key_id(), 8));
  RB_TRY(check_range("files", static_cast<std::uint64_t>(m.files_size()), 0, kCommandsMax));
  std::size_t inlined = 0;
  for (const auto& file : m.files()) {
    RB_TRY(check_text("files.url", file.url(), kUrlBytesMax));
    if (!file.content().empty() && !file.inlined()) {
      return bad("files.content", "present but not inlined");
    }
    if (!file.url().empty() && file.inlined()) {
      return bad("files.url", "present although inlined");
    }
    inlined += file.content().size();
  }
  return check_range("files.content", inlined, 0, kInlineScriptBytesMax);
}

Result<void> check(const pb::UploadGrant& m) {
  RB_TRY(check_grant(m.action(), m.epoch()));
  RB_TRY(check_index(m.index()));
  RB_TRY(check_kind(m.kind()));
  RB_TRY(check_text("url", m.url(), kUrlBytesMax));
  RB_TRY(check_text("error", m.error(), kReasonBytesMax));
  if (m.url().empty() == m.error().empty()) {
    return bad("url", "either a url or an error");
  }
  return {};
}

Result<void> check(const pb::TerminalInput& m) {
  RB_TRY(check_grant(m.action(), m.epoch()));
  RB_TRY(check_index(m.index()));
  RB_TRY(check_range("from", m.from(), 0, INT64_MAX));
  RB_TRY(check_range("typed", m.typed().size(), 0, kTypedBytesMax));
  RB_TRY(check_range("rows", m.rows(), 1, kTerminalSizeMax));
  RB_TRY(check_range("columns", m.columns(), 1, kTerminalSizeMax));
  return check_size("signature", m.signature(), 64);
}

Result<void> check(const pb::ToAgent& m) {
  switch (m.message_case()) {
    case pb::ToAgent::kWelcome:
      RB_TRY(check_size("machine", m.welcome().machine(), MachineId::kBytes));
      RB_TRY(check_size("contact", m.welcome().contact(), 16));
      RB_TRY(check_range("heartbeat_ms", m.welcome().heartbeat_ms(), 10, kPauseMsMax));
      return check_range("reconnect_hint_ms", m.welcome().reconnect_hint_ms(), 0, kPauseMsMax);
    case pb::ToAgent::kExecuteOrder:
      return check(m.execute_order());
    case pb::ToAgent::kCancelAction:
      return check_grant(m.cancel_action().action(), m.cancel_action().epoch());
    case pb::ToAgent::kUploadGrant:
      return check(m.upload_grant());
    case pb::ToAgent::kReportAcknowledged:
      RB_TRY(check_grant(m.report_acknowledged().action(), m.report_acknowledged().epoch()));
      return check_index(m.report_acknowledged().index());
    case pb::ToAgent::kUploadAgain:
      RB_TRY(check_grant(m.upload_again().action(), m.upload_again().epoch()));
      return check_index(m.upload_again().index());
    case pb::ToAgent::kForgetAction:
      RB_TRY(check_grant(m.forget_action().action(), m.forget_action().epoch()));
      return check_text("reason", m.forget_action().reason(), kReasonBytesMax);
    case pb::ToAgent::kGoodbye:
      RB_TRY(check_text("reason", m.goodbye().reason(), kReasonBytesMax));
      return check_range("reconnect_hint_ms", m.goodbye().reconnect_hint_ms(), 0, kPauseMsMax);
    case pb::ToAgent::kOrderKeys:
      return check(m.order_keys());
    case pb::ToAgent::kReadOutput:
      RB_TRY(check_grant(m.read_output().action(), m.read_output().epoch()));
      RB_TRY(check_index(m.read_output().index()));
      return check_offsets(m.read_output().stdout_from(), m.read_output().stderr_from());
    case pb::ToAgent::kTerminalInput:
      return check(m.terminal_input());
    case pb::ToAgent::MESSAGE_NOT_SET:
      break;
  }
  return {};  // Of a newer version: shape.h has seen that it is not empty.
}

template <typename Message>
Result<Message> decode(std::string_view bytes, std::size_t bytes_max, std::string_view what,
                       const Shape& shape) {
  if (bytes.size() > bytes_max) {
    return bad(what, fmt::format("{} bytes, the limit is {}", bytes.size(), bytes_max));
  }
  // The library prints what it refuses, raw and unbounded; the Error says it already.
  static const auto silenced = google::protobuf::SetLogHandler(nullptr);
  static_cast<void>(silenced);
  if (auto fits = check_shape(bytes, shape); !fits.ok()) {
    return fits.error().in(what);
  }
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return bad(what, "not a message of api/agent.proto");
  }
  if (auto checked = check(message); !checked.ok()) {
    return checked.error().in(what);
  }
  // A number that its type cannot hold has been cut, a field that came twice has been merged: what
  // was read is then not what was said. Both ends write fields in the order of their numbers.
  if (message.SerializeAsString() != bytes) {
    return bad(what, "holds numbers out of range, or fields twice or out of order");
  }
  return message;
}

}  // namespace

Result<pb::ToServer> decode_to_server(std::string_view frame) {
  return decode<pb::ToServer>(frame, kMessageBytesMax, "message to the server", kToServerShape);
}

Result<pb::ToAgent> decode_to_agent(std::string_view frame) {
  return decode<pb::ToAgent>(frame, kMessageBytesMax, "message to the agent", kToAgentShape);
}

Result<pb::Order> decode_order(std::string_view bytes) {
  return decode<pb::Order>(bytes, kOrderBytesMax, "order", kOrderShape);
}

Result<pb::Hello::Body> decode_hello_body(std::string_view bytes) {
  return decode<pb::Hello::Body>(bytes, kHelloBodyBytesMax, "hello", kHelloBodyShape);
}

Result<pb::Receipt> decode_receipt(std::string_view bytes) {
  return decode<pb::Receipt>(bytes, kReceiptBytesMax, "receipt", kReceiptShape);
}

Result<pb::OrderKeys> decode_order_keys(std::string_view bytes) {
  return decode<pb::OrderKeys>(bytes, kOrderKeysBytesMax, "order keys", kOrderKeysShape);
}

std::string encode(const pb::ToServer& message) {
  return message.SerializeAsString();
}

std::string encode(const pb::ToAgent& message) {
  return message.SerializeAsString();
}

}  // namespace reachback::protocol
