#include "protocol/shape.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

namespace reachback::protocol {
namespace {

using google::protobuf::internal::WireFormatLite;

Error bad(std::string_view why) {
  return Error{Errc::protocol, std::string(why)};
}

// In the order of api/agent.proto.
constexpr Shape kCommand{"vbbvbvbvvvv"};
constexpr const Shape* kOrderParts[] = {&kCommand};
constexpr Shape kSignedOrder{"bbb"};

constexpr Shape kNetworkAddress{"bbvv"};
constexpr const Shape* kHelloBodyParts[] = {&kNetworkAddress};
constexpr Shape kHello{"bb"}, kHeartbeat{"v"}, kOrderReceived{"bv"}, kOrderRefused{"bvbbv"},
    kNotStarted{"bv"}, kCancelConfirmed{"bv"}, kCommandStarted{"bvvv"}, kBlobRef{"bvb"};
constexpr Shape kSignedReceipt{"bb"}, kFetchedFile{"bvb"};
constexpr const Shape* kEndedParts[] = {&kBlobRef, &kBlobRef, &kBlobRef, &kSignedReceipt,
                                        &kFetchedFile};
constexpr Shape kCommandEnded{"bvvvvvvvbmmmmm", kEndedParts};
constexpr Shape kUploadRequest{"bvvvvbb"}, kContactKept{"b"}, kOrderKeysKept{"v"},
    kOutputPiece{"vvbvbvv"}, kTerminalTaken{"vvb"};
constexpr const Shape* kToServer[] = {
    &kHello,           &kHeartbeat,      &kOrderReceived, &kOrderRefused,  &kNotStarted,
    &kCancelConfirmed, &kCommandStarted, &kCommandEnded,  &kUploadRequest, &kContactKept,
    &kOrderKeysKept,   &kOutputPiece,    &kTerminalTaken};

constexpr Shape kWelcome{"bbvv"}, kFile{"bvb"};
constexpr const Shape* kExecuteParts[] = {&kSignedOrder, &kFile};
constexpr Shape kExecuteOrder{"mm", kExecuteParts};
constexpr Shape kCancelAction{"bv"}, kUploadGrant{"bvvvbb"}, kReportAcknowledged{"bvv"},
    kForgetAction{"bvb"}, kGoodbye{"bvv"}, kUploadAgain{"bvv"}, kReadOutput{"vbvvvv"},
    kTerminalInput{"vbvvvbvvb"};
constexpr Shape kKeySignature{"bb"};
constexpr const Shape* kOrderKeysParts[] = {&kKeySignature};
constexpr Shape kSignedOrderKeys{"bm", kOrderKeysParts};
constexpr const Shape* kToAgent[] = {&kWelcome,     &kExecuteOrder,       &kCancelAction,
                                     &kUploadGrant, &kReportAcknowledged, &kForgetAction,
                                     &kGoodbye,     &kUploadAgain,        &kSignedOrderKeys,
                                     &kReadOutput,  &kTerminalInput};

}  // namespace

constexpr Shape kToServerShape{"mmmmmmmmmmmmm", kToServer, /*is_choice=*/true};
constexpr Shape kToAgentShape{"mmmmmmmmmmm", kToAgent, /*is_choice=*/true};
constexpr Shape kOrderShape{"bbbvbmvbvvb", kOrderParts};
constexpr Shape kHelloBodyShape{"bbbbbbbbbmbvbvbvb", kHelloBodyParts};
constexpr Shape kReceiptShape{"bvbbbvvbbbvvvvvbvbvbvbvb"};
constexpr Shape kOrderKeysShape{"vb"};

Result<void> check_shape(std::string_view bytes, const Shape& shape) {
  if (shape.is_choice && bytes.empty()) {
    return bad("message: missing");
  }
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    const auto number = static_cast<std::size_t>(WireFormatLite::GetTagFieldNumber(tag));
    if (number > shape.wires.size()) {
      if (!WireFormatLite::SkipField(&in, tag)) {
        return bad("a field of a newer version cannot be read");
      }
      continue;
    }
    const char kind = number == 0 ? '?' : shape.wires[number - 1];
    const auto expected =
        kind == 'v' ? WireFormatLite::WIRETYPE_VARINT : WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (number == 0 || WireFormatLite::GetTagWireType(tag) != expected) {
      return bad(fmt::format("field {} is of another type", number));
    }
    std::uint64_t value = 0;
    if (!in.ReadVarint64(&value)) {
      return bad(fmt::format("field {} ends early", number));
    }
    if (kind == 'v') {
      continue;
    }
    const auto at = static_cast<std::size_t>(in.CurrentPosition());
    if (value > bytes.size() - at) {
      return bad(fmt::format("field {} ends early", number));
    }
    if (kind == 'm') {
      std::size_t part = 0;
      for (std::size_t i = 0; i + 1 < number; ++i) {
        part += shape.wires[i] == 'm' ? 1 : 0;
      }
      RB_TRY(check_shape(bytes.substr(at, value), *shape.messages[part]));
    }
    in.Skip(static_cast<int>(value));
  }
  if (!in.ConsumedEntireMessage()) {
    return bad("not a message of api/agent.proto");
  }
  return {};
}

}  // namespace reachback::protocol
