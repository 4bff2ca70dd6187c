// The messages between the agent's two processes, with every bound checked. Pure, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/agent_messages.h"
#include "protocol/codec.h"
#include "protocol/seam_messages.h"

namespace reachback::protocol {

// A message between server and agent, and what is around it.
inline constexpr std::size_t kSeamFrameBytesMax = kMessageBytesMax + (64 << 10);
inline constexpr std::size_t kSeamFilesMax = kCommandsMax;  // of one frame

// A message over its limits, of a missing or unknown kind, an inner message that codec.h refuses,
// or one that has no business there (a Welcome is delivered, an UploadGrant is not):
// Error{protocol} naming the field.
Result<pb::SeamToSupervisor> decode_seam_to_supervisor(std::string_view bytes);
Result<pb::SeamToNetwork> decode_seam_to_network(std::string_view bytes);

// An UploadRequest as it stands in open_spool and uploaded.
std::string encode(const pb::UploadRequest& request);
// Errors: protocol (limits, another kind of message).
Result<pb::UploadRequest> decode_upload_request(std::string_view bytes);

}  // namespace reachback::protocol
