// The chunked transfer coding (RFC 9112 §7.1), strict. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace reachback::net {

class ChunkDecoder {
 public:
  enum class State { need_more, data, complete, bad };
  // Takes bytes off the front of `input`. data: `data` is the next piece of the body, a part of
  // `input`; call again. need_more: all of `input` is used up. complete: what is left belongs to
  // the next message. Extensions and trailer fields are checked and dropped, 8 KiB of them at most.
  State next(std::string_view& input, std::string_view& data);

 private:
  enum class At : std::uint8_t {
    size_start,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
    complete,
    bad,
  };
  At step(char c);

  std::uint64_t left_ = 0;  // Of this chunk; while in its size line, the size so far.
  std::uint32_t extra_bytes_ = 0;
  At at_ = At::size_start;
};

}  // namespace reachback::net
