// Messages between server and agent, both ways. What is accepted is within its bounds and encodes
// to a frame that decodes to the same message; a refusal is a short text. No field that this
// version knows is left out because it came as another wire type.
#include <arpa/inet.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <array>
#include <map>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "protocol/codec.h"

namespace reachback::fuzz {
namespace {

using namespace protocol;

template <typename Message>
void check_refusal(const Result<Message>& result) {
  FUZZ_CHECK(result.error().code == Errc::protocol);
  FUZZ_CHECK(result.error().message.size() < 300 && is_valid_utf8(result.error().message));
}

using google::protobuf::internal::WireFormatLite;

// Whether the generated code reads a field of this number from this wire type, found out by asking
// it: what it does not read stays in the message as it came. (Of a repeated field of bytes it
// cannot be told.)
template <typename Message>
bool takes(std::uint32_t number, std::uint32_t wire) {
  std::string tag;
  for (std::uint32_t rest = number << 3 | wire; true; rest >>= 7) {
    tag += static_cast<char>(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 0x80) {
      break;
    }
  }
  Message message;
  if (message.ParseFromString(tag + '\0') && message.ByteSizeLong() == 0) {
    return true;  // a default, which is not written
  }
  return wire == WireFormatLite::WIRETYPE_LENGTH_DELIMITED &&
         !message.ParseFromString(tag + "\1\xff");  // neither text nor a message
}

template <typename Message>
bool takes(std::uint32_t tag) {
  static std::map<std::uint32_t, bool> known;  // asking takes a while
  auto [at, is_new] = known.try_emplace(tag);
  if (is_new) {
    at->second = takes<Message>(tag >> 3, tag & 7);
  }
  return at->second;
}

template <typename Message>
void check_fields_of(const Message& message) {
  const std::string bytes = message.SerializeAsString();
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    const std::uint32_t number = tag & ~7u;
    FUZZ_CHECK(takes<Message>(tag) || (!takes<Message>(number) && !takes<Message>(number | 2)));
    FUZZ_CHECK(WireFormatLite::SkipField(&in, tag));
  }
}
template <typename... Messages>
void check_fields(const Messages&... messages) {
  (check_fields_of(messages), ...);
}

void check_time(std::int64_t us) {
  FUZZ_CHECK(us >= 0 && us < 253'402'300'800'000'000);
}

void check_grant(const std::string& action, std::uint64_t epoch, std::uint32_t index = 0) {
  FUZZ_CHECK(action.size() == 16 && epoch >= 1 && index < kCommandsMax);
}

void check_text(const std::string& text, std::size_t bytes_max) {
  FUZZ_CHECK(text.size() <= bytes_max && is_valid_utf8(text));
  FUZZ_CHECK(text.find('\0') == std::string::npos);
}

void check_order(const pb::Order& m) {
  check_grant(m.action(), m.epoch());
  check_fields(m);
  FUZZ_CHECK(m.tenant().size() == 16 && m.machine().size() == 20 && m.generation().size() == 16);
  FUZZ_CHECK(m.commands_size() >= 1 && m.commands_size() <= static_cast<int>(kCommandsMax));
  for (const auto& command : m.commands()) {
    check_fields(command);
    check_text(command.args(), kArgsBytesMax);
    check_text(command.path(), kPathBytesMax);
    if (command.type() != pb::GET_FILE) {
      FUZZ_CHECK(command.file_name().find('/') == std::string::npos);
    }
    if (command.type() == pb::RUN_SCRIPT || command.type() == pb::PUT_FILE) {
      FUZZ_CHECK(command.file_sha256().size() == 32);
    }
  }
}

void check_hello(const pb::Hello::Body& m) {
  FUZZ_CHECK(m.generation().size() == 16 && m.boot().size() == 16 && m.nonce().size() == 16);
  check_text(m.host_name(), kHostNameBytesMax);
  for (const std::string& fact : {m.agent_version(), m.os_platform(), m.os_version(),
                                  m.os_architecture(), m.os_distribution(), m.os_processor()}) {
    check_text(fact, 128);
  }
  FUZZ_CHECK(m.os_build() <= INT64_MAX && m.addresses_size() <= 32);
  check_fields(m);
  for (const auto& address : m.addresses()) {
    check_fields(address);
    const int family = address.ip().find(':') == std::string::npos ? AF_INET : AF_INET6;
    std::array<unsigned char, 16> raw{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    FUZZ_CHECK(inet_pton(family, address.ip().c_str(), raw.data()) == 1);
    FUZZ_CHECK(inet_ntop(family, raw.data(), text.data(), text.size()) == address.ip());
    FUZZ_CHECK(address.mac().empty() || address.mac().size() == 6);
    FUZZ_CHECK(address.type() >= 0 && address.type() <= 6 && address.status() >= 0 &&
               address.status() <= 3);
  }
}

void check_receipt(const pb::Receipt& m) {
  check_fields(m);
  check_grant(m.action(), m.epoch(), m.index());
  FUZZ_CHECK(m.machine().size() == 20 && m.generation().size() == 16 && m.number() >= 1);
  FUZZ_CHECK(m.order_sha256().size() == 32);
  for (const std::string& digest : {m.previous(), m.script_sha256(), m.stdout_sha256(),
                                    m.stderr_sha256(), m.result_sha256(), m.file_sha256()}) {
    FUZZ_CHECK(digest.empty() || digest.size() == 32);
  }
  check_text(m.script_name(), 128);
  check_text(m.file_path(), 4096);
  check_time(m.started_us());
  check_time(m.ended_us());
  FUZZ_CHECK(m.has_exit_code() || m.exit_code() == 0);
}

void check_blob(const pb::BlobRef& m) {
  FUZZ_CHECK(m.name().size() == 32 && from_hex(m.name()) && m.sha256().size() == 32);
}

void check(const pb::ToServer& m) {
  const auto& end = m.command_ended();
  check_fields(m, m.hello(), m.heartbeat(), m.order_received(), m.order_refused(), m.not_started(),
               m.cancel_confirmed(), m.command_started(), end, m.upload_request(), m.contact_kept(),
               m.order_keys_kept(), m.output_piece(), m.terminal_taken(), end.result(),
               end.raw_stdout(), end.raw_stderr(), end.receipt(), end.file());
  switch (m.message_case()) {
    case pb::ToServer::kCommandEnded: {
      const auto& ended = m.command_ended();
      check_grant(ended.action(), ended.epoch(), ended.index());
      check_time(ended.started_us());
      check_time(ended.ended_us());
      FUZZ_CHECK(ended.has_exit_code() || ended.exit_code() == 0);
      FUZZ_CHECK(ended.errors_size() <= static_cast<int>(kErrorsMax));
      for (const auto& text : ended.errors()) {
        check_text(text, kErrorBytesMax);
      }
      if (ended.has_result()) {
        check_blob(ended.result());
      }
      if (ended.has_raw_stdout()) {
        check_blob(ended.raw_stdout());
      }
      if (ended.has_raw_stderr()) {
        check_blob(ended.raw_stderr());
      }
      FUZZ_CHECK(!ended.has_receipt() || ended.receipt().signature().size() == 64);
      FUZZ_CHECK(!ended.has_file() || ended.file().sha256().size() == 32);
      check_text(ended.file().path(), 4096);
      return;
    }
    case pb::ToServer::kUploadRequest:
      check_grant(m.upload_request().action(), m.upload_request().epoch(),
                  m.upload_request().index());
      FUZZ_CHECK(m.upload_request().sha256().size() == 32);
      check_text(m.upload_request().file_name(), 512);
      FUZZ_CHECK(m.upload_request().file_name().find_first_of("/\\\n\x7f") == std::string::npos);
      return;
    case pb::ToServer::kOrderRefused:
      check_text(m.order_refused().reason(), kReasonBytesMax);
      return;
    case pb::ToServer::kCommandStarted:
      check_grant(m.command_started().action(), m.command_started().epoch(),
                  m.command_started().index());
      check_time(m.command_started().at_us());
      return;
    case pb::ToServer::kTerminalTaken:
      check_text(m.terminal_taken().error(), kErrorBytesMax);
      FUZZ_CHECK(m.terminal_taken().taken() <= INT64_MAX);
      FUZZ_CHECK(m.terminal_taken().taken() == 0 || m.terminal_taken().error().empty());
      return;
    case pb::ToServer::kHello: {
      auto body = decode_hello_body(m.hello().body());
      FUZZ_CHECK(body.ok());
      check_hello(*body);
      return;
    }
    default:
      return;  // MESSAGE_NOT_SET too: a kind that a newer agent knows
  }
}

void check(const pb::ToAgent& m) {
  check_fields(m, m.welcome(), m.execute_order(), m.execute_order().order(), m.cancel_action(),
               m.upload_grant(), m.report_acknowledged(), m.forget_action(), m.goodbye(),
               m.upload_again(), m.order_keys(), m.read_output(), m.terminal_input());
  switch (m.message_case()) {
    case pb::ToAgent::kExecuteOrder: {
      std::size_t inlined = 0;
      for (const auto& file : m.execute_order().files()) {
        check_fields(file);
        inlined += file.content().size();
        FUZZ_CHECK(!file.inlined() || file.url().empty());
      }
      FUZZ_CHECK(inlined <= kInlineScriptBytesMax);
      FUZZ_CHECK(m.execute_order().order().signature().size() == 64);
      return;
    }
    case pb::ToAgent::kTerminalInput:
      check_grant(m.terminal_input().action(), m.terminal_input().epoch(),
                  m.terminal_input().index());
      FUZZ_CHECK(m.terminal_input().from() <= INT64_MAX);
      FUZZ_CHECK(m.terminal_input().typed().size() <= kTypedBytesMax);
      FUZZ_CHECK(m.terminal_input().rows() >= 1 && m.terminal_input().rows() <= 1000);
      FUZZ_CHECK(m.terminal_input().columns() >= 1 && m.terminal_input().columns() <= 1000);
      FUZZ_CHECK(m.terminal_input().signature().size() == 64);
      return;
    case pb::ToAgent::kUploadGrant:
      check_grant(m.upload_grant().action(), m.upload_grant().epoch(), m.upload_grant().index());
      check_text(m.upload_grant().url(), kUrlBytesMax);
      FUZZ_CHECK(m.upload_grant().url().empty() != m.upload_grant().error().empty());
      return;
    case pb::ToAgent::kWelcome:
      FUZZ_CHECK(m.welcome().machine().size() == 20 && m.welcome().contact().size() == 16);
      FUZZ_CHECK(m.welcome().heartbeat_ms() >= 10 && m.welcome().heartbeat_ms() <= 3'600'000);
      FUZZ_CHECK(m.welcome().reconnect_hint_ms() <= 3'600'000);
      return;
    case pb::ToAgent::kOrderKeys:
      FUZZ_CHECK(m.order_keys().signatures_size() >= 1 && m.order_keys().signatures_size() <= 8);
      for (const auto& signature : m.order_keys().signatures()) {
        check_fields(signature);
        FUZZ_CHECK(signature.key_id().size() == 8 && signature.signature().size() == 64);
      }
      return;
    case pb::ToAgent::kGoodbye:
      check_text(m.goodbye().reason(), kReasonBytesMax);
      FUZZ_CHECK(m.goodbye().reconnect_hint_ms() <= 3'600'000);
      return;
    case pb::ToAgent::kForgetAction:
      check_text(m.forget_action().reason(), kReasonBytesMax);
      return;
    default:
      return;  // MESSAGE_NOT_SET too: a kind that a newer server knows
  }
}

template <typename Message, typename Decode>
void check_frame(const Result<Message>& message, Decode decode) {
  if (!message) {
    check_refusal(message);
    return;
  }
  check(*message);
  std::string frame = encode(*message);
  auto again = decode(frame);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(encode(*again) == frame);
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  switch (in.choice(6)) {
    case 0:
      check_frame(decode_to_server(in.rest()), decode_to_server);
      return;
    case 1:
      check_frame(decode_to_agent(in.rest()), decode_to_agent);
      return;
    case 2:
      if (auto order = decode_order(in.rest())) {
        check_order(*order);
        FUZZ_CHECK(decode_order(order->SerializeAsString()).ok());
      } else {
        check_refusal(order);
      }
      return;
    case 4:
      if (auto receipt = decode_receipt(in.rest())) {
        check_receipt(*receipt);
        FUZZ_CHECK(decode_receipt(receipt->SerializeAsString()).ok());
      } else {
        check_refusal(receipt);
      }
      return;
    case 5:
      if (auto keys = decode_order_keys(in.rest())) {
        check_fields(*keys);
        FUZZ_CHECK(keys->version() >= 1 && keys->keys_size() >= 1 && keys->keys_size() <= 8);
        FUZZ_CHECK(decode_order_keys(keys->SerializeAsString()).ok());
      } else {
        check_refusal(keys);
      }
      return;
    default:
      if (auto body = decode_hello_body(in.rest())) {
        check_hello(*body);
        FUZZ_CHECK(decode_hello_body(body->SerializeAsString()).ok());
      } else {
        check_refusal(body);
      }
  }
}

}  // namespace reachback::fuzz
