// Frames between server and signer. Pieces give the frames of the whole; what was taken, written
// again, is what was taken off; after the first fault nothing comes. Input: a byte for the pieces,
// then the bytes.
#include <vector>

#include "fuzz/fuzz.h"
#include "server/signer/signer_frames.h"

namespace reachback::fuzz {
namespace {

using namespace server;

struct Taken {
  std::string frames;  // written again
  std::size_t count = 0;
  std::string rest;
  bool broken = false;
};

Taken take(std::string_view bytes, std::uint8_t seed) {
  Taken out;
  for (Cuts cuts(bytes, seed); !cuts.done() && !out.broken;) {
    out.rest += cuts.next();
    while (true) {
      auto frame = take_frame(out.rest);
      if (!frame) {
        FUZZ_CHECK(frame.error().code == Errc::protocol && frame.error().message.size() < 100);
        out.broken = true;
        break;
      }
      if (!*frame) {
        break;
      }
      const auto kind = static_cast<unsigned>((*frame)->kind);
      FUZZ_CHECK(kind >= 1 && kind <= 5);
      FUZZ_CHECK((*frame)->payload.size() + 9 <= kSignerFrameBytesMax);
      out.frames += encode_frame(**frame);
      ++out.count;
    }
  }
  return out;
}

void check_number(std::string_view bytes) {
  for (int size : {1, 4, 8}) {
    std::string_view rest = bytes;
    auto number = take_number(rest, size);
    FUZZ_CHECK(number.ok() == (bytes.size() >= static_cast<std::size_t>(size)));
    if (number) {
      FUZZ_CHECK(encode_number(*number, size) + std::string(rest) == bytes);
    } else {
      FUZZ_CHECK(rest == bytes && number.error().code == Errc::protocol);
    }
  }
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  const std::uint8_t seed = in.byte();
  const std::string_view bytes = in.rest();
  const Taken whole = take(bytes, 0), pieces = take(bytes, seed);
  FUZZ_CHECK(whole.frames == pieces.frames && whole.count == pieces.count);
  FUZZ_CHECK(whole.broken == pieces.broken);
  FUZZ_CHECK(whole.broken || whole.rest == pieces.rest);
  FUZZ_CHECK(whole.frames + whole.rest == bytes);
  check_number(bytes);
  // Any payload comes back.
  SignerFrame frame{static_cast<FrameKind>(1 + seed % 5), seed * 0x0102030405060708u,
                    std::string(bytes)};
  const Taken again = take(encode_frame(frame) + "\1", seed);
  FUZZ_CHECK(again.count == 1 && again.rest == "\1" && again.frames == encode_frame(frame));
}

}  // namespace reachback::fuzz
