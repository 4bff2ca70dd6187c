#include "server/service/library.h"

#include <algorithm>
#include <array>

#include "crypto/digest.h"
#include "server/service/texts.h"

namespace reachback::server {
namespace {

constexpr std::size_t kNameBytesMax = 128;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Names that Windows gives to devices, with any extension: a library serves machines of every kind.
bool is_device_name(std::string_view name) {
  constexpr std::array<std::string_view, 6> kDevices = {"con", "prn", "aux", "nul", "com", "lpt"};
  std::string stem = to_lower(name.substr(0, name.find('.')));
  return std::any_of(kDevices.begin(), kDevices.end(), [&stem](std::string_view d) {
    bool numbered = d == "com" || d == "lpt";
    return numbered ? stem.size() == 4 && stem.starts_with(d) && stem[3] >= '1' && stem[3] <= '9'
                    : stem == d;
  });
}

// A lost reply may be that of a commit: the bytes stay then. Nobody sees them if it was none.
bool is_surely_not_stored(const Error& error) {
  return error.code == Errc::already_exists || error.code == Errc::invalid_input ||
         error.code == Errc::storage_full;
}

class LibraryService : public Library {
 public:
  LibraryService(LibraryStore& store, BlobStore& blobs, Clock& clock, Random& random)
      : store_(store), blobs_(blobs), clock_(clock), random_(random) {}

  void upload(const Principal& by, LibraryUpload upload, Done<LibraryFile> done) override {
    if (!is_library_name(upload.file_name)) {
      done(Error{Errc::invalid_input,
                 "The file name is not allowed: letters, digits, '-', '_' and '.', starting with a "
                 "letter or digit, "
                 "at most 128 characters"});
      return;
    }
    if (upload.content.empty()) {
      done(Error{Errc::invalid_input, "The file is empty"});
      return;
    }
    auto file = std::make_shared<LibraryFile>();
    file->tenant = by.tenant;
    file->name = std::move(upload.file_name);
    file->sha256 = crypto::sha256(upload.content);
    file->bytes = upload.content.size();
    file->blob = to_hex(random_.bytes(16));
    file->description = std::move(upload.description);
    file->parameters_description = std::move(upload.parameters_description);
    file->has_parameters = upload.has_parameters;
    file->created_by = by.requestor;
    file->created = file->updated = clock_.now();
    auto content = std::make_shared<std::string>(std::move(upload.content));
    // Looked at before the bytes are stored, so that a taken name costs nothing; put() decides.
    store_.get(by.tenant, file->name,
               [this, file, content, replace = upload.override_if_exists,
                done](const Result<LibraryFile>& there) {
                 if (there && !replace) {
                   done(library_file_exists(file->name));
                   return;
                 }
                 blobs_.put(
                     file->tenant, file->blob, std::move(*content),
                     [this, file, replace, done](const Result<BlobInfo>& stored) {
                       if (!stored) {
                         done(stored.error());
                         return;
                       }
                       store_.put(*file, replace, [this, file, done](Result<LibraryFile> kept) {
                         if (kept ? kept->blob != file->blob : is_surely_not_stored(kept.error())) {
                           blobs_.remove(file->tenant, file->blob, [](const Result<void>&) {});
                         }
                         done(!kept && kept.error().code == Errc::already_exists
                                  ? Result<LibraryFile>(library_file_exists(file->name))
                                  : std::move(kept));
                       });
                     });
               });
  }

  void list(const Principal& by, odata::Query query, ListBounds bounds,
            Done<Page<LibraryFile>> done) override {
    store_.list(by.tenant, std::move(query), bounds, std::move(done));
  }

  void remove(const Principal& by, std::string name, Done<void> done) override {
    store_.remove(by.tenant, name, [name, done](const Result<void>& removed) {
      bool absent = !removed && removed.error().code == Errc::not_found;
      done(absent ? Result<void>(library_file_not_found(name)) : removed);
    });
  }

 private:
  LibraryStore& store_;
  BlobStore& blobs_;
  Clock& clock_;
  Random& random_;
};

}  // namespace

bool is_library_name(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || !is_alphanumeric(name.front()) ||
      name.back() == '.') {
    return false;
  }
  bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
  });
  return plain && !is_device_name(name);
}

std::unique_ptr<Library> Library::create(LibraryStore& store, BlobStore& blobs, Clock& clock,
                                         Random& random) {
  return std::make_unique<LibraryService>(store, blobs, clock, random);
}

}  // namespace reachback::server
