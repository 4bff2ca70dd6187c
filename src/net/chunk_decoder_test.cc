#include "net/chunk_decoder.h"

#include <gtest/gtest.h>

#include <string>

namespace reachback::net {
namespace {

struct Outcome {
  ChunkDecoder::State state;
  std::string body;
  std::string rest;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decode(std::string_view bytes, std::size_t piece) {
  ChunkDecoder decoder;
  Outcome outcome{ChunkDecoder::State::need_more, "", ""};
  while (!bytes.empty()) {
    std::string_view input = bytes.substr(0, piece);
    bytes.remove_prefix(input.size());
    while (true) {
      std::string_view data;
      outcome.state = decoder.next(input, data);
      outcome.body += data;
      if (outcome.state != ChunkDecoder::State::data) {
        break;
      }
    }
    if (outcome.state != ChunkDecoder::State::need_more) {
      outcome.rest = std::string(input) + std::string(bytes);
      break;
    }
  }
  return outcome;
}

TEST(ChunkDecoder, Joins_chunks_and_leaves_what_follows) {
  std::string bytes =
      "5\r\nhello\r\n0001;name=\"v\"\r\n \r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET /";
  for (std::size_t piece : {1, 2, 3, 7, 1000}) {
    EXPECT_EQ(decode(bytes, piece), (Outcome{ChunkDecoder::State::complete, "hello 0123456789",
                                             piece == 1000 ? "GET /" : "GET /"}));
  }
}

TEST(ChunkDecoder, Refuses_what_has_more_than_one_reading) {
  const std::string cases[] = {
      "FFFFFFFFFFFFFFFFF\r\n",
      "FFFFFFFFFFFFFFFF\r\n",
      "-1\r\n",
      "+5\r\nhello",
      "0x5\r\nhello",
      " 5\r\nhello",
      "5 \r\nhello",
      "\r\n",
      "5\nhello\r\n0\r\n\r\n",
      "5\rhello",
      "5\r\nhello!\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "5;a\n\r\nhello\r\n0\r\n\r\n",
      std::string("5;a\0b\r\nhello", 12),
      "5;" + std::string(64 << 10, 'x') + "\r\nhello\r\n0\r\n\r\n",
      std::string(64 << 10, '0') + "5\r\nhello\r\n0\r\n\r\n",
      "0\r\n folded: x\r\n\r\n",
      "0\r\nno colon\r\n\r\n",
      "0\r\nname : x\r\n\r\n",
      "0\r\nname: x\n\r\n",
      "0\r\nname: " + std::string(64 << 10, 'x') + "\r\n\r\n",
      "0\r\n\n",
  };
  for (const auto& bytes : cases) {
    for (std::size_t piece : {1, 1000000}) {
      EXPECT_EQ(decode(bytes, piece).state, ChunkDecoder::State::bad) << bytes.substr(0, 40);
    }
  }
}

TEST(ChunkDecoder, Any_number_of_chunks_is_taken) {
  std::string bytes;
  for (int i = 0; i < 20000; ++i) {
    bytes += "1\r\nx\r\n";
  }
  bytes += "0\r\n\r\n";
  EXPECT_EQ(decode(bytes, 1000).body.size(), 20000u);
}

}  // namespace
}  // namespace reachback::net
