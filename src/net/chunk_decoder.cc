#include "net/chunk_decoder.h"

#include "base/text.h"
#include "net/http_head.h"

namespace reachback::net {
namespace {

constexpr std::uint32_t kExtraBytesMax = 8 << 10;
constexpr std::uint64_t kChunkBytesMax = std::uint64_t{1} << 60;

bool is_text(char c) {
  auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || c == '\t';
}

}  // namespace

ChunkDecoder::At ChunkDecoder::step(char c) {
  switch (at_) {
    case At::size_start:
    case At::size: {
      int digit = hex_digit(c);
      if (digit >= 0) {
        left_ = at_ == At::size_start ? static_cast<std::uint64_t>(digit)
                                      : left_ * 16 + static_cast<std::uint64_t>(digit);
        return left_ < kChunkBytesMax ? At::size : At::bad;
      }
      if (at_ == At::size_start) {
        return At::bad;
      }
      return c == ';' ? At::extension : c == '\r' ? At::size_lf : At::bad;
    }
    case At::extension:
      return c == '\r' ? At::size_lf : is_text(c) ? At::extension : At::bad;
    case At::size_lf:
      return c != '\n' ? At::bad : left_ == 0 ? At::trailer_start : At::data;
    case At::data_cr:
      return c == '\r' ? At::data_lf : At::bad;
    case At::data_lf:
      return c == '\n' ? At::size_start : At::bad;
    case At::trailer_start:
      return c == '\r' ? At::end_lf : is_token({&c, 1}) ? At::trailer_name : At::bad;
    case At::trailer_name:
      return c == ':' ? At::trailer_value : is_token({&c, 1}) ? At::trailer_name : At::bad;
    case At::trailer_value:
      return c == '\r' ? At::trailer_lf : is_text(c) ? At::trailer_value : At::bad;
    case At::trailer_lf:
      return c == '\n' ? At::trailer_start : At::bad;
    case At::end_lf:
      return c == '\n' ? At::complete : At::bad;
    case At::data:
    case At::complete:
    case At::bad:
      break;
  }
  return At::bad;
}

ChunkDecoder::State ChunkDecoder::next(std::string_view& input, std::string_view& data) {
  while (true) {
    if (at_ == At::complete) {
      return State::complete;
    }
    if (at_ == At::bad) {
      return State::bad;
    }
    if (input.empty()) {
      return State::need_more;
    }
    if (at_ == At::data) {
      data =
          input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
      input.remove_prefix(data.size());
      left_ -= data.size();
      if (left_ == 0) {
        at_ = At::data_cr;
      }
      return State::data;
    }
    At before = at_;
    at_ = step(input.front());
    input.remove_prefix(1);
    // Leading zeros of a size count too, so no part of the coding is without a bound.
    bool counts = before == At::extension || before == At::trailer_name ||
                  before == At::trailer_value || (before == At::size && left_ == 0);
    if (counts && ++extra_bytes_ > kExtraBytesMax) {
      at_ = At::bad;
    }
  }
}

}  // namespace reachback::net
