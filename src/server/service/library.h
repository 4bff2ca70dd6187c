// The use cases of library files. Threads as in live_response.h.
#pragma once

#include <memory>

#include "server/ports/blob_store.h"
#include "server/ports/directory.h"
#include "server/ports/tokens.h"

namespace reachback::server {

struct LibraryUpload {
  std::string file_name;
  std::string content;
  std::optional<std::string> description;
  std::optional<std::string> parameters_description;
  bool has_parameters = false;
  bool override_if_exists = false;
};

// ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$, not ending in '.', not a Windows device name. Source: MDE
// live response (alphanumerics, '-', '_', '.'); trust.md T33.
bool is_library_name(std::string_view name);

class Library {
 public:
  virtual ~Library() = default;
  static std::unique_ptr<Library> create(LibraryStore& store, BlobStore& blobs, Clock& clock,
                                         Random& random);
  // Errors: invalid_input (name, empty content), already_exists (message contains "already exists":
  // clients.md 33), storage_full, unavailable.
  virtual void upload(const Principal& by, LibraryUpload upload, Done<LibraryFile> done) = 0;
  // Errors: invalid_query (the query would have to look at too many rows).
  virtual void list(const Principal& by, odata::Query query, ListBounds bounds,
                    Done<Page<LibraryFile>> done) = 0;
  virtual void remove(const Principal& by, std::string name,
                      Done<void> done) = 0;  // Errors: not_found
};

}  // namespace reachback::server
