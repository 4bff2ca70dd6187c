#include "cli/unpack.h"

#include <zlib.h>

#include "crypto/digest.h"

namespace reachback::cli {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;
constexpr int kGzipWindow = 15 + 16;

// Ends what inflateInit2() began.
struct Inflater {
  z_stream stream{};
  bool is_ready = ::inflateInit2(&stream, kGzipWindow) == Z_OK;
  ~Inflater() { ::inflateEnd(&stream); }
};

Result<Sha256> digest_of(const Fd& file) {
  crypto::Sha256Stream hash;
  std::string piece(kPieceBytes, '\0');
  for (std::uint64_t at = 0;;) {
    RB_TRY_ASSIGN(const std::size_t size, read_at(file.get(), piece.data(), piece.size(), at));
    hash.update(std::string_view(piece).substr(0, size));
    at += size;
    if (size < piece.size()) {
      return hash.finish();
    }
  }
}

Error corrupt() {
  return Error{Errc::mismatch, "the result is not the file that the machine read"};
}

Result<Sha256> inflate_into(const Fd& from, const Fd& to) {
  Inflater gzip;
  if (!gzip.is_ready) {
    return Error{Errc::unavailable, "gzip: out of memory"};
  }
  crypto::Sha256Stream hash;
  std::string in(kPieceBytes, '\0'), out(kPieceBytes, '\0');
  int status = Z_OK;
  for (std::uint64_t at = 0; status == Z_OK;) {
    RB_TRY_ASSIGN(const std::size_t size, read_at(from.get(), in.data(), in.size(), at));
    at += size;
    gzip.stream.next_in = reinterpret_cast<Bytef*>(in.data());
    gzip.stream.avail_in = static_cast<uInt>(size);
    do {
      gzip.stream.next_out = reinterpret_cast<Bytef*>(out.data());
      gzip.stream.avail_out = static_cast<uInt>(out.size());
      status = ::inflate(&gzip.stream, Z_NO_FLUSH);
      const auto made = std::string_view(out).substr(0, out.size() - gzip.stream.avail_out);
      hash.update(made);
      RB_TRY(write_all(to.get(), made));
    } while (status == Z_OK && gzip.stream.avail_out == 0);
    if (size == 0) {
      break;
    }
  }
  return status == Z_STREAM_END ? Result<Sha256>(hash.finish()) : Result<Sha256>(corrupt());
}

}  // namespace

Result<Holder> unpack(const Fd& file, const Fd& scratch, const Sha256& wanted) {
  RB_TRY_ASSIGN(const Sha256 as_it_is, digest_of(file));
  if (as_it_is == wanted) {
    return Holder::file;
  }
  RB_TRY_ASSIGN(const Sha256 unpacked, inflate_into(file, scratch));
  return unpacked == wanted ? Result<Holder>(Holder::scratch) : Result<Holder>(corrupt());
}

}  // namespace reachback::cli
