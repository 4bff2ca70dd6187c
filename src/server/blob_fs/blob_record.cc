#include "server/blob_fs/blob_record.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"

namespace reachback::server {
namespace {

constexpr std::string_view kMagic = "RBblob1\n";
constexpr std::size_t kFootBytes = 4 + 8;  // length and magic
constexpr std::size_t kTrailerBytesMax = 8 << 10;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

std::optional<BlobRecord> parse_trailer(std::string_view text) {
  BlobRecord record;
  bool has_length = false, has_digest = false;
  while (!text.empty()) {
    auto end = text.find('\n');
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    auto equals = line.find('=');
    if (equals == std::string_view::npos) {
      return std::nullopt;
    }
    std::string_view key = line.substr(0, equals), value = line.substr(equals + 1);
    if (key == "length") {
      auto length = number(value);
      has_length = length.has_value();
      record.info.bytes = length.value_or(0);
    } else if (key == "sha256") {
      auto digest = sha256_from_hex(value);
      has_digest = digest.has_value();
      record.info.sha256 = digest.value_or(Sha256{});
    } else if (key == "blocks") {
      record.block_list = sha256_from_hex(value);
    } else if (key == "content-type") {
      record.headers.content_type = percent_decode(value).value_or("");
    } else if (key == "file-name") {
      record.headers.file_name = percent_decode(value).value_or("");
    }  // Others: written by a later minor version.
  }
  return has_length && has_digest ? std::optional(record) : std::nullopt;
}

}  // namespace

Result<BlobKey> BlobKey::make(const TenantId& tenant, std::string_view name) {
  auto raw = from_hex(name);
  if (!raw || raw->size() != 16) {
    return Error{Errc::invalid_input, "a blob's name is 32 lower-case hex digits"};
  }
  BlobKey key;
  key.tenant_ = tenant;
  key.name_ = name;
  return key;
}

std::string encode_trailer(const BlobRecord& record) {
  std::string text = fmt::format("length={}\nsha256={}\n", record.info.bytes,
                                 to_hex(as_bytes(record.info.sha256)));
  text += "content-type=" +
          percent_encode(record.headers.content_type.substr(0, kContentTypeBytesMax), "/") + "\n";
  text +=
      "file-name=" + percent_encode(record.headers.file_name.substr(0, kFileNameBytesMax)) + "\n";
  if (record.block_list) {
    text += "blocks=" + to_hex(as_bytes(*record.block_list)) + "\n";
  }
  auto size = static_cast<std::uint32_t>(text.size());
  for (int shift = 0; shift < 32; shift += 8) {
    text += static_cast<char>(size >> shift & 0xff);
  }
  return text.append(kMagic);
}

Result<OpenBlob> open_blob_file(const std::string& path) {
  RB_TRY_ASSIGN(Fd fd, open_file(path, O_RDONLY | O_NOFOLLOW));
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) {
    return errno_error("stat", path);
  }
  auto size = static_cast<std::uint64_t>(status.st_size);
  const Error corrupt{Errc::corrupt, "blob file " + path + " does not end in its trailer"};
  std::string tail(std::min<std::uint64_t>(size, kTrailerBytesMax + kFootBytes), '\0');
  RB_TRY_ASSIGN(std::size_t n, read_at(fd.get(), tail.data(), tail.size(), size - tail.size()));
  std::string_view view(tail);
  if (n != tail.size() || n < kFootBytes || !view.ends_with(kMagic)) {
    return corrupt;
  }
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    length |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(view[n - kFootBytes + i]))
              << (8 * i);
  }
  if (length > n - kFootBytes) {
    return corrupt;
  }
  auto record = parse_trailer(view.substr(n - kFootBytes - length, length));
  if (!record || record->info.bytes != size - kFootBytes - length) {
    return corrupt;
  }
  record->modified = Timestamp(std::chrono::seconds(status.st_mtim.tv_sec) +
                               Duration(status.st_mtim.tv_nsec / 1000));
  return OpenBlob{std::make_shared<Fd>(std::move(fd)), std::move(*record)};
}

}  // namespace reachback::server
