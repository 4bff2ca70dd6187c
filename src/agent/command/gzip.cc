#include "agent/command/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <string>

namespace reachback::agent {
namespace {

constexpr int kGzipWindow = 15 + 16;  // 32 KiB, and the wrapper of gzip instead of zlib's
constexpr std::size_t kOutBytes = 64 << 10;
// So much is compressed to see whether that is worth it; then as much goes on in the same way.
constexpr std::uint64_t kProbeBytes = 64 << 10;
constexpr std::uint64_t kStretchBytes = 64 * kProbeBytes;

}  // namespace

struct GzipWriter::State {
  Sink sink;
  z_stream stream{};
  std::string out = std::string(kOutBytes, '\0');
  bool is_ready = false;
  int level = Z_BEST_SPEED;
  std::uint64_t read = 0;  // of this stretch
  std::uint64_t made = 0;

  Result<void> run(int flush) {
    do {
      stream.next_out = reinterpret_cast<Bytef*>(out.data());
      stream.avail_out = static_cast<uInt>(out.size());
      ::deflate(&stream, flush);
      const std::size_t size = out.size() - stream.avail_out;
      made += size;
      if (size != 0) {
        RB_TRY(sink(std::string_view(out).substr(0, size)));
      }
    } while (stream.avail_out == 0);
    return {};
  }

  Result<void> use(int wanted) {
    if (level == wanted) {
      return {};
    }
    RB_TRY(run(Z_BLOCK));  // so that changing the level has nothing left to write
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    ::deflateParams(&stream, wanted, Z_DEFAULT_STRATEGY);
    level = wanted;
    const std::size_t size = out.size() - stream.avail_out;
    return size == 0 ? Result<void>() : sink(std::string_view(out).substr(0, size));
  }
};

GzipWriter::GzipWriter(Sink sink) : state_(std::make_unique<State>()) {
  state_->sink = std::move(sink);
  constexpr int kMemoryLevel = 8;  // 256 KiB in all; 9 is slower
  state_->is_ready = ::deflateInit2(&state_->stream, state_->level, Z_DEFLATED, kGzipWindow,
                                    kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
}

GzipWriter::~GzipWriter() {
  ::deflateEnd(&state_->stream);
}

Result<void> GzipWriter::write(std::string_view piece) {
  State& s = *state_;
  if (!s.is_ready) {
    return Error{Errc::unavailable, "gzip: out of memory"};
  }
  while (!piece.empty()) {
    const bool probing = s.read < kProbeBytes;
    const std::uint64_t until = probing ? kProbeBytes : kStretchBytes;
    const auto part = piece.substr(0, std::min<std::uint64_t>(piece.size(), until - s.read));
    s.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
    s.stream.avail_in = static_cast<uInt>(part.size());
    RB_TRY(s.run(Z_NO_FLUSH));
    s.read += part.size();
    piece.remove_prefix(part.size());
    if (s.read == kProbeBytes) {
      RB_TRY(s.run(Z_BLOCK));
      RB_TRY(s.use(s.made >= kProbeBytes - kProbeBytes / 32 ? Z_NO_COMPRESSION : Z_BEST_SPEED));
    } else if (s.read == kStretchBytes) {
      RB_TRY(s.use(Z_BEST_SPEED));
      s.read = 0;
      s.made = 0;
    }
  }
  return {};
}

Result<void> GzipWriter::finish() {
  return state_->is_ready ? state_->run(Z_FINISH)
                          : Result<void>(Error{Errc::unavailable, "gzip: out of memory"});
}

}  // namespace reachback::agent
