// A blob's name and what is known of it: the trailer that ends its file (format in README.md).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "server/ports/blob_store.h"

namespace reachback::server {

// The only thing that paths are made of. Value type.
class BlobKey {
 public:
  // Errors: invalid_input unless name is exactly 32 lower-case hex digits.
  static Result<BlobKey> make(const TenantId& tenant, std::string_view name);
  const TenantId& tenant() const { return tenant_; }
  const std::string& name() const { return name_; }
  // "<tenant>-<name>": one path component, unique.
  std::string text() const { return tenant_.text() + "-" + name_; }

 private:
  TenantId tenant_;
  std::string name_;
};

// What a reader is told with the bytes.
struct BlobHeaders {
  std::string content_type = "application/octet-stream";
  std::string file_name;  // of Content-Disposition; empty: none
};
inline constexpr std::size_t kContentTypeBytesMax = 255;
inline constexpr std::size_t kFileNameBytesMax = 1024;

struct BlobRecord {
  BlobInfo info;
  BlobHeaders headers;
  // The digest of the block ids that it was made of; nullopt: of one body.
  std::optional<Sha256> block_list;
  Timestamp modified{};  // of the file; not in the trailer
};

struct OpenBlob {
  std::shared_ptr<Fd> file;  // the bytes are [0, record.info.bytes)
  BlobRecord record;
};

std::string encode_trailer(const BlobRecord& record);
// Errors: not_found, corrupt (no trailer, or one that does not fit the file), io.
Result<OpenBlob> open_blob_file(const std::string& path);

}  // namespace reachback::server
