#include "server/console/console_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "crypto/digest.h"

namespace reachback::server {
namespace {

constexpr int kDepthMax = 8;
// Less than that is a packet or two in any case.
constexpr std::size_t kWorthCompressing = 1024;

struct Type {
  std::string_view ending;
  std::string_view type;
  bool text;
};
constexpr Type kTypes[] = {
    {".html", "text/html; charset=utf-8", true},
    {".js", "text/javascript; charset=utf-8", true},
    {".mjs", "text/javascript; charset=utf-8", true},
    {".css", "text/css; charset=utf-8", true},
    {".json", "application/json", true},
    {".map", "application/json", true},
    {".webmanifest", "application/manifest+json", true},
    {".svg", "image/svg+xml", true},
    {".txt", "text/plain; charset=utf-8", true},
    {".png", "image/png", false},
    {".ico", "image/x-icon", false},
    {".webp", "image/webp", false},
    {".jpg", "image/jpeg", false},
    {".woff2", "font/woff2", false},
    {".wasm", "application/wasm", false},
};

const Type* type_of(std::string_view name) {
  for (const Type& type : kTypes) {
    if (name.ends_with(type.ending)) {
      return &type;
    }
  }
  return nullptr;
}

bool is_name(std::string_view name) {
  return name.size() <= 200 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

// "assets/index-BQPugZP4.js", as bundlers name what they make.
bool has_hash_in_name(std::string_view path) {
  constexpr std::size_t kHashChars = 8;
  if (!path.starts_with("assets/")) {
    return false;
  }
  const std::string_view stem = path.substr(0, path.rfind('.'));
  return stem.size() > kHashChars && stem[stem.size() - kHashChars - 1] == '-';
}

Error bad(const std::string& path, std::string_view why) {
  return Error{Errc::invalid_input, "console: " + path + " " + std::string(why)};
}

std::string compressed(std::string_view bytes) {
  z_stream z{};
  constexpr int kGzip = 16 + MAX_WBITS;
  if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return "";
  }
  std::string out(deflateBound(&z, static_cast<uLong>(bytes.size())), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
  out.resize(z.total_out);
  deflateEnd(&z);
  return whole ? out : "";
}

// Whether `gzip` is `bytes`, compressed, and nothing else.
bool holds(std::string_view gzip, std::string_view bytes) {
  z_stream z{};
  if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) {
    return false;
  }
  std::string out(bytes.size() + 1, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  z.avail_in = static_cast<uInt>(gzip.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0;
  out.resize(z.total_out);
  inflateEnd(&z);
  return whole && out == bytes;
}

class Loader {
 public:
  explicit Loader(const ConsoleLimits& limits) : limits_(limits) {}

  // at: an open folder; prefix: what its names begin with, "" or "assets/".
  Result<void> read_folder(Fd at, const std::string& prefix, int depth) {
    if (depth > kDepthMax) {
      return bad(prefix, "is more than 8 folders deep");
    }
    const int number = at.get();
    std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(number), &::closedir);
    if (folder == nullptr) {
      return errno_error("console: read folder", prefix);
    }
    at.release();  // closedir() closes it
    for (errno = 0; const dirent* entry = ::readdir(folder.get()); errno = 0) {
      const std::string name = entry->d_name;
      if (!name.starts_with('.')) {
        RB_TRY(read_entry(number, prefix, name, depth));
      }
    }
    return errno == 0 ? Result<void>() : errno_error("console: read folder", prefix);
  }

  std::map<std::string, std::string> contents;  // by path

 private:
  Result<void> read_entry(int folder, const std::string& prefix, const std::string& name,
                          int depth) {
    const std::string path = prefix + name;
    if (!is_name(name)) {
      return bad(path, "has a name of other characters than letters, digits, '-', '_' and '.'");
    }
    struct stat about{};
    // Non-blocking: a pipe would wait for its other end.
    Fd fd(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd.valid()) {
      return errno == ELOOP ? bad(path, "is a symbolic link") : errno_error("console: open", path);
    }
    if (::fstat(fd.get(), &about) != 0) {
      return errno_error("console: look at", path);
    }
    if (S_ISDIR(about.st_mode)) {
      return read_folder(std::move(fd), path + "/", depth + 1);
    }
    if (!S_ISREG(about.st_mode)) {
      return bad(path, "is no plain file");
    }
    const auto bytes = static_cast<std::uint64_t>(about.st_size);
    bytes_ += bytes;
    if (contents.size() >= limits_.files_max || bytes_ > limits_.bytes_max) {
      return Error{Errc::too_large, "console: more than " + std::to_string(limits_.files_max) +
                                        " files or " + std::to_string(limits_.bytes_max) +
                                        " bytes"};
    }
    std::string content(bytes, '\0');
    RB_TRY_ASSIGN(const std::size_t have, read_at(fd.get(), content.data(), content.size(), 0));
    if (have != content.size()) {
      return bad(path, "changes while it is read");
    }
    contents.emplace(path, std::move(content));
    return {};
  }

  const ConsoleLimits& limits_;
  std::uint64_t bytes_ = 0;
};

ConsoleFile made_of(const std::string& path, std::string content, std::string gzip) {
  ConsoleFile file;
  const Type* type = type_of(path);
  file.type = type != nullptr ? type->type : "application/octet-stream";
  if (gzip.empty() && type != nullptr && type->text && content.size() >= kWorthCompressing) {
    gzip = compressed(content);
  }
  if (gzip.size() < content.size()) {
    file.gzip = std::move(gzip);
  }
  const std::string hash = to_base64url(as_bytes(crypto::sha256(content)));
  file.etag = '"' + hash + '"';
  file.gzip_etag = '"' + hash + "-gzip\"";  // other bytes, another tag
  file.immutable = has_hash_in_name(path);
  file.content = std::move(content);
  return file;
}

}  // namespace

std::string_view content_type_of(std::string_view name) {
  const Type* type = type_of(name);
  return type == nullptr ? std::string_view() : type->type;
}

Result<ConsoleFiles> ConsoleFiles::load(const std::string& folder, const ConsoleLimits& limits) {
  auto fd = open_file(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!fd) {
    return fd.error().in("console");
  }
  Loader loader(limits);
  RB_TRY(loader.read_folder(std::move(*fd), "", 0));
  ConsoleFiles out;
  for (auto& [path, content] : loader.contents) {
    if (path.ends_with(".gz") && loader.contents.contains(path.substr(0, path.size() - 3))) {
      continue;
    }
    std::string gzip;
    if (auto beside = loader.contents.find(path + ".gz"); beside != loader.contents.end()) {
      if (!holds(beside->second, content)) {
        return bad(beside->first, "is not " + path + ", compressed");
      }
      gzip = beside->second;
    }
    out.files_.emplace(path, made_of(path, content, std::move(gzip)));
  }
  if (out.find("index.html") == nullptr) {
    return Error{Errc::not_found, "console: there is no index.html in " + folder};
  }
  return out;
}

const ConsoleFile* ConsoleFiles::find(std::string_view path) const {
  auto found = files_.find(path);
  return found == files_.end() ? nullptr : &found->second;
}

}  // namespace reachback::server
