// The files of the web console, whole and in memory.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reachback::server {

struct ConsoleLimits {
  std::uint64_t bytes_max = 0;  // of all files together, as they are on the disk
  std::size_t files_max = 0;
};

struct ConsoleFile {
  std::string content;
  std::string gzip;  // the same, compressed; empty: that is not worth it
  std::string type;  // Content-Type
  std::string etag;  // strong, with its quotes, of `content`
  std::string gzip_etag;
  // Its name holds a hash of its content: another content has another name.
  bool immutable = false;
};

// Immutable; any thread.
class ConsoleFiles {
 public:
  // None: the console is not installed.
  ConsoleFiles() = default;
  // Reads a folder and the folders in it. A file NAME.gz beside NAME is NAME compressed, and is
  // checked to be. Names that begin with '.' are left out. Errors: not_found (no such folder, or no
  // index.html in it), invalid_input (a symbolic link or anything else that is no plain file, a
  // name of other characters than letters, digits and "-_.", a NAME.gz that is not NAME, folders
  // more than 8 deep), too_large (more files or bytes than `limits`), io. Blocks.
  static Result<ConsoleFiles> load(const std::string& folder, const ConsoleLimits& limits);

  bool empty() const { return files_.empty(); }
  // path: "assets/index-4f1c.js", as it stands behind "/console/". nullptr: there is none.
  const ConsoleFile* find(std::string_view path) const;

 private:
  std::map<std::string, ConsoleFile, std::less<>> files_;
};

// What a browser is told of a file with this name. Empty: the ending is not one that a console's
// files have.
std::string_view content_type_of(std::string_view name);

}  // namespace reachback::server
