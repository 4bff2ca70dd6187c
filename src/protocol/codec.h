// Bytes of a frame <-> messages, with every bound checked, so that what passes may be used without
// looking again. Pure, thread-safe. A message over kMessageBytesMax, a missing kind, an id of the
// wrong length, an index >= 100, a string over its cap or not UTF-8, an unknown enum value, a time
// outside 1970..9999, a known field of another wire type or with a value that its type cannot hold:
// Error{protocol} naming the field. What a newer version adds is not an error: unknown fields are
// ignored, a message of an unknown kind comes out as MESSAGE_NOT_SET.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "protocol/agent_messages.h"

namespace reachback::protocol {

inline constexpr std::size_t kMessageBytesMax = 1 << 20;
inline constexpr std::size_t kCommandsMax = 100;                 // commands of one action
inline constexpr std::size_t kInlineScriptBytesMax = 256 << 10;  // in sum, in ExecuteOrder
inline constexpr std::size_t kErrorsMax = 8;                     // of a CommandEnded
inline constexpr std::size_t kErrorBytesMax = 1024;
inline constexpr std::size_t kHostNameBytesMax = 253;
inline constexpr std::size_t kArgsBytesMax = 64 << 10;  // as api/limits.json: args_bytes
inline constexpr std::size_t kPathBytesMax = 4096;
inline constexpr std::size_t kFetchedPathBytesMax = 4096;  // longer ones are cut
inline constexpr std::size_t kResultNameBytesMax = 512;    // UploadRequest.file_name
inline constexpr std::size_t kRequestorBytesMax = 512;
inline constexpr std::int64_t kTimeUsMax = 253'402'300'799'999'999;  // the end of 9999
inline constexpr std::size_t kUrlBytesMax = 4096;
inline constexpr std::size_t kReasonBytesMax = 1024;           // of refusals, goodbyes, closings
inline constexpr std::size_t kOutputPieceBytesMax = 64 << 10;  // of one stream, in OutputPiece
inline constexpr std::size_t kTypedBytesMax = 16 << 10;        // of one TerminalInput
inline constexpr std::uint32_t kTerminalSizeMax = 1000;        // rows, columns

Result<pb::ToServer> decode_to_server(std::string_view frame);
Result<pb::ToAgent> decode_to_agent(std::string_view frame);
Result<pb::Order> decode_order(std::string_view bytes);
Result<pb::Hello::Body> decode_hello_body(std::string_view bytes);
Result<pb::Receipt> decode_receipt(std::string_view bytes);
Result<pb::OrderKeys> decode_order_keys(std::string_view bytes);
std::string encode(const pb::ToServer& message);
std::string encode(const pb::ToAgent& message);

}  // namespace reachback::protocol
