#include "protocol/seam_codec.h"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>

namespace reachback::protocol {
namespace {

constexpr std::size_t kExporterBytesMax = 64;
constexpr std::size_t kServerBytesMax = 512;
constexpr std::uint32_t kIdMax = 0x7fffffff;
constexpr std::uint32_t kLandlockMax = 1000;
constexpr std::int64_t kTimeMaxUs = 253402300800'000000;  // the year 10000

Error bad(std::string_view field, std::string_view why) {
  return Error{Errc::protocol, fmt::format("{}: {}", field, why)};
}

Result<void> check_text(std::string_view field, std::string_view value, std::size_t bytes_max) {
  if (value.size() > bytes_max || !is_valid_utf8(value) ||
      value.find('\0') != std::string_view::npos) {
    return bad(field, fmt::format("not UTF-8 text of at most {} bytes", bytes_max));
  }
  return {};
}

Result<void> check(const pb::SeamChallenge& m) {
  if (m.server_nonce().size() != 32) {
    return bad("server_nonce", "not 32 bytes");
  }
  if (m.exporter().size() > kExporterBytesMax) {
    return bad("exporter", "too long");
  }
  if (m.server_time_us() < 0 || m.server_time_us() > kTimeMaxUs ||
      (!m.has_server_time() && m.server_time_us() != 0)) {
    return bad("server_time_us", "not a time");
  }
  return {};
}

Result<void> check(const pb::SeamDelivery& m) {
  auto message = decode_to_agent(m.message());
  if (!message.ok()) {
    return message.error();
  }
  if (message->has_upload_grant() || message->has_goodbye()) {
    return bad("deliver", "a message that is the session's own");
  }
  const int commands = message->has_execute_order() ? static_cast<int>(kCommandsMax) : 0;
  if (m.has_file_size() > commands) {
    return bad("has_file", "more files than commands");
  }
  return {};
}

Result<void> check(const pb::SeamToSupervisor& m) {
  switch (m.message_case()) {
    case pb::SeamToSupervisor::kReady:
      if (m.ready().uid() > kIdMax || m.ready().landlock() > kLandlockMax) {
        return bad("ready", "a number out of its range");
      }
      return {};
    case pb::SeamToSupervisor::kBeginSession:
      return check(m.begin_session());
    case pb::SeamToSupervisor::kDeliver:
      return check(m.deliver());
    case pb::SeamToSupervisor::kOpenSpool:
      RB_TRY(decode_upload_request(m.open_spool()));
      return {};
    case pb::SeamToSupervisor::kUploaded:
      RB_TRY(decode_upload_request(m.uploaded().request()));
      if (m.uploaded().blob().size() != 32 || !from_hex(m.uploaded().blob())) {
        return bad("blob", "not 32 lower-case hex digits");
      }
      return {};
    case pb::SeamToSupervisor::kDismissed:
      return check_text("dismissed", m.dismissed(), kReasonBytesMax);
    case pb::SeamToSupervisor::kNextHeartbeat:
    case pb::SeamToSupervisor::kEndSession:
    case pb::SeamToSupervisor::kIdle:
      return {};
    case pb::SeamToSupervisor::MESSAGE_NOT_SET:
      break;
  }
  return bad("message", "missing or of an unknown kind");
}

Result<void> check(const pb::SeamToNetwork& m) {
  switch (m.message_case()) {
    case pb::SeamToNetwork::kSetup:
      RB_TRY(check_text("server", m.setup().server(), kServerBytesMax));
      return check_text("ca_pem", m.setup().ca_pem(), kMessageBytesMax);
    case pb::SeamToNetwork::kSpool:
      return check_text("error", m.spool().error(), kReasonBytesMax);
    case pb::SeamToNetwork::kSend:
      RB_TRY(decode_to_server(m.send()));
      return {};
    case pb::SeamToNetwork::kHello:
    case pb::SeamToNetwork::kHeartbeat:
      return {};
    case pb::SeamToNetwork::MESSAGE_NOT_SET:
      break;
  }
  return bad("message", "missing or of an unknown kind");
}

template <typename Message>
Result<Message> decode(std::string_view bytes) {
  if (bytes.size() > kSeamFrameBytesMax) {
    return bad("seam", "a frame over its limit");
  }
  static const auto silenced = google::protobuf::SetLogHandler(nullptr);  // As in codec.cc.
  static_cast<void>(silenced);
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return bad("seam", "not a message of api/seam.proto");
  }
  if (auto checked = check(message); !checked.ok()) {
    return checked.error().in("seam");
  }
  return message;
}

}  // namespace

Result<pb::SeamToSupervisor> decode_seam_to_supervisor(std::string_view bytes) {
  return decode<pb::SeamToSupervisor>(bytes);
}

Result<pb::SeamToNetwork> decode_seam_to_network(std::string_view bytes) {
  return decode<pb::SeamToNetwork>(bytes);
}

std::string encode(const pb::UploadRequest& request) {
  pb::ToServer message;
  *message.mutable_upload_request() = request;
  return encode(message);
}

Result<pb::UploadRequest> decode_upload_request(std::string_view bytes) {
  RB_TRY_ASSIGN(pb::ToServer message, decode_to_server(bytes));
  if (!message.has_upload_request()) {
    return bad("upload_request", "another kind of message");
  }
  return std::move(*message.mutable_upload_request());
}

}  // namespace reachback::protocol
