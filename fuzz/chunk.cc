// The chunked coding. Pieces read as the whole does, a decoded body encoded again decodes to
// itself, and where Boost.Beast's parser accepts too, body and length are the same.
#include <fmt/format.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "fuzz/fuzz.h"
#include "net/chunk_decoder.h"

namespace reachback::fuzz {
namespace {

using net::ChunkDecoder;
namespace http = boost::beast::http;

struct Decoded {
  ChunkDecoder::State state = ChunkDecoder::State::need_more;
  std::string body;
  std::size_t used = 0;
};

Decoded decode(std::string_view bytes, std::uint8_t seed) {
  Decoded out;
  ChunkDecoder decoder;
  Cuts cuts(bytes, seed);
  while (!cuts.done() && out.state == ChunkDecoder::State::need_more) {
    std::string_view piece = cuts.next(), data;
    const std::size_t size = piece.size();
    while ((out.state = decoder.next(piece, data)) == ChunkDecoder::State::data) {
      FUZZ_CHECK(!data.empty());
      out.body += data;
    }
    FUZZ_CHECK(out.state != ChunkDecoder::State::need_more || piece.empty());
    out.used += size - piece.size();
  }
  std::string_view more = "0\r\n\r\n", data;
  if (out.state == ChunkDecoder::State::bad || out.state == ChunkDecoder::State::complete) {
    FUZZ_CHECK(decoder.next(more, data) == out.state);  // an end is an end
  }
  return out;
}

void check_witness(std::string_view bytes, const Decoded& decoded) {
  http::request_parser<http::string_body> witness;
  witness.eager(true);
  witness.body_limit(boost::none);
  boost::system::error_code error;
  constexpr std::string_view kHead =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string all = std::string(kHead) + std::string(bytes.substr(0, decoded.used));
  std::size_t used = 0;
  while (used < all.size() && !witness.is_done()) {
    used += witness.put(boost::asio::buffer(all.data() + used, all.size() - used), error);
    if (error) {
      return;  // Its grammar of extensions and trailers is narrower.
    }
  }
  FUZZ_CHECK(witness.is_done());
  FUZZ_CHECK(used == all.size());
  FUZZ_CHECK(witness.get().body() == decoded.body);
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  std::uint8_t seed = in.byte();
  std::string_view bytes = in.rest();
  Decoded whole = decode(bytes, 0), pieces = decode(bytes, seed);
  FUZZ_CHECK(whole.state == pieces.state);
  FUZZ_CHECK(whole.body == pieces.body);
  if (whole.state == ChunkDecoder::State::complete) {
    FUZZ_CHECK(whole.used == pieces.used);
    FUZZ_CHECK(bytes.substr(0, whole.used).ends_with("\r\n\r\n") ||
               bytes.substr(0, whole.used).ends_with("\n\r\n"));
    check_witness(bytes, whole);
  }
  std::string coded;
  for (Cuts cuts(bytes, seed); !cuts.done();) {
    std::string_view piece = cuts.next();
    coded += fmt::format("{:X}\r\n", piece.size()) + std::string(piece) + "\r\n";
  }
  coded += "0\r\n\r\n";
  Decoded again = decode(coded, static_cast<std::uint8_t>(seed + 1));
  FUZZ_CHECK(again.state == ChunkDecoder::State::complete);
  FUZZ_CHECK(again.body == bytes && again.used == coded.size());
}

}  // namespace reachback::fuzz
