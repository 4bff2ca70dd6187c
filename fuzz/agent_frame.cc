// Messages between server and agent, both ways. What is accepted is within its bounds and encodes
// to a frame that decodes to the same message; a refusal is a short text.
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

void check_grant(const std::string& action, std::uint64_t epoch, std::uint32_t index = 0) {
  FUZZ_CHECK(action.size() == 16 && epoch >= 1 && index < kCommandsMax);
}

void check_text(const std::string& text, std::size_t bytes_max) {
  FUZZ_CHECK(text.size() <= bytes_max && is_valid_utf8(text));
  FUZZ_CHECK(text.find('\0') == std::string::npos);
}

void check_order(const pb::Order& m) {
  check_grant(m.action(), m.epoch());
  FUZZ_CHECK(m.tenant().size() == 16 && m.machine().size() == 20 && m.generation().size() == 16);
  FUZZ_CHECK(m.commands_size() >= 1 && m.commands_size() <= static_cast<int>(kCommandsMax));
  for (const auto& command : m.commands()) {
    check_text(command.args(), kArgsBytesMax);
    check_text(command.path(), kPathBytesMax);
    if (command.type() != pb::GET_FILE) {
      FUZZ_CHECK(command.file_name().find('/') == std::string::npos);
      FUZZ_CHECK(command.file_sha256().size() == 32);
    }
  }
}

void check_hello(const pb::Hello::Body& m) {
  FUZZ_CHECK(m.generation().size() == 16 && m.boot().size() == 16 && m.nonce().size() == 16);
  check_text(m.host_name(), kHostNameBytesMax);
}

void check(const pb::ToServer& m) {
  switch (m.message_case()) {
    case pb::ToServer::kCommandEnded: {
      const auto& ended = m.command_ended();
      check_grant(ended.action(), ended.epoch(), ended.index());
      FUZZ_CHECK(ended.errors_size() <= static_cast<int>(kErrorsMax));
      for (const auto& text : ended.errors()) {
        check_text(text, kErrorBytesMax);
      }
      FUZZ_CHECK(!ended.has_result() || from_hex(ended.result().name()));
      return;
    }
    case pb::ToServer::kUploadRequest:
      check_grant(m.upload_request().action(), m.upload_request().epoch(),
                  m.upload_request().index());
      FUZZ_CHECK(m.upload_request().sha256().size() == 32);
      return;
    case pb::ToServer::kOrderRefused:
      check_text(m.order_refused().reason(), kReasonBytesMax);
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
  switch (m.message_case()) {
    case pb::ToAgent::kExecuteOrder: {
      std::size_t inlined = 0;
      for (const auto& file : m.execute_order().files()) {
        inlined += file.content().size();
        FUZZ_CHECK(!file.inlined() || file.url().empty());
      }
      FUZZ_CHECK(inlined <= kInlineScriptBytesMax);
      FUZZ_CHECK(m.execute_order().order().signature().size() == 64);
      return;
    }
    case pb::ToAgent::kUploadGrant:
      check_grant(m.upload_grant().action(), m.upload_grant().epoch(), m.upload_grant().index());
      check_text(m.upload_grant().url(), kUrlBytesMax);
      FUZZ_CHECK(m.upload_grant().url().empty() != m.upload_grant().error().empty());
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
        check_grant(receipt->action(), receipt->epoch(), receipt->index());
        FUZZ_CHECK(receipt->number() >= 1 && receipt->order_sha256().size() == 32);
        FUZZ_CHECK(decode_receipt(receipt->SerializeAsString()).ok());
      } else {
        check_refusal(receipt);
      }
      return;
    case 5:
      if (auto keys = decode_order_keys(in.rest())) {
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
