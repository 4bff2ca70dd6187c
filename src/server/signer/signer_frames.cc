#include "server/signer/signer_frames.h"

namespace reachback::server {

std::string encode_number(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) {
    out += static_cast<char>(value >> (8 * i));
  }
  return out;
}

Result<std::uint64_t> take_number(std::string_view& bytes, int size) {
  if (bytes.size() < static_cast<std::size_t>(size)) {
    return Error{Errc::protocol, "signer: a message that is too short"};
  }
  std::uint64_t value = 0;
  for (int i = size - 1; i >= 0; --i) {
    value = (value << 8) | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  }
  bytes.remove_prefix(static_cast<std::size_t>(size));
  return value;
}

std::string encode_frame(const SignerFrame& frame) {
  return encode_number(frame.payload.size() + 9, 4) + static_cast<char>(frame.kind) +
         encode_number(frame.id, 8) + frame.payload;
}

Result<std::optional<SignerFrame>> take_frame(std::string& bytes) {
  std::string_view rest = bytes;
  if (rest.size() < 4) {
    return std::optional<SignerFrame>();
  }
  RB_TRY_ASSIGN(std::uint64_t length, take_number(rest, 4));
  if (length < 9 || length > kSignerFrameBytesMax) {
    return Error{Errc::protocol, "signer: a frame of " + std::to_string(length) + " bytes"};
  }
  if (rest.size() < length) {
    return std::optional<SignerFrame>();
  }
  SignerFrame out;
  RB_TRY_ASSIGN(std::uint64_t kind, take_number(rest, 1));
  if (kind < 1 || kind > static_cast<std::uint64_t>(FrameKind::keys_are)) {
    return Error{Errc::protocol, "signer: a frame of an unknown kind"};
  }
  out.kind = static_cast<FrameKind>(kind);
  RB_TRY_ASSIGN(out.id, take_number(rest, 8));
  out.payload = rest.substr(0, length - 9);
  bytes.erase(0, 4 + length);
  return std::optional<SignerFrame>(std::move(out));
}

}  // namespace reachback::server
