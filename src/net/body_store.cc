#include "net/body_store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

namespace reachback::net {
namespace {

class MemoryBody final : public Body {
 public:
  explicit MemoryBody(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string_view view() const override { return bytes_; }

 private:
  std::string bytes_;
};

class MappedBody final : public Body {
 public:
  MappedBody(void* data, std::size_t size) : data_(data), size_(size) {}
  ~MappedBody() override { ::munmap(data_, size_); }
  MappedBody(const MappedBody&) = delete;
  MappedBody& operator=(const MappedBody&) = delete;
  std::string_view view() const override { return {static_cast<const char*>(data_), size_}; }

 private:
  void* data_;
  std::size_t size_;
};

Result<Fd> make_temporary_file() {
  const char* set = ::getenv("TMPDIR");
  std::string folder = set != nullptr && *set != '\0' ? set : "/tmp";
  if (auto file = open_file(folder, O_TMPFILE | O_RDWR)) {
    return file;
  }
  // Not every file system has files without a name.
  std::string name = folder + "/reachback-body-XXXXXX";
  Fd file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file.valid()) {
    return errno_error("create temporary file in", folder);
  }
  ::unlink(name.c_str());
  return file;
}

}  // namespace

Result<void> BodyStore::append(std::string_view bytes) {
  if (!file_.valid()) {
    if (memory_.size() + bytes.size() <= kBodyInMemoryBytesMax) {
      memory_.append(bytes);
      return {};
    }
    RB_TRY_ASSIGN(file_, make_temporary_file());
    RB_TRY(write_all(file_.get(), memory_));
    file_bytes_ = memory_.size();
    memory_ = std::string();
  }
  RB_TRY(write_all(file_.get(), bytes));
  file_bytes_ += bytes.size();
  return {};
}

Result<std::shared_ptr<const Body>> BodyStore::finish() {
  if (!file_.valid()) {
    return std::shared_ptr<const Body>(std::make_shared<MemoryBody>(std::move(memory_)));
  }
  void* data = ::mmap(nullptr, file_bytes_, PROT_READ, MAP_PRIVATE, file_.get(), 0);
  if (data == MAP_FAILED) {
    return errno_error("map request body");
  }
  file_.reset();
  return std::shared_ptr<const Body>(std::make_shared<MappedBody>(data, file_bytes_));
}

}  // namespace reachback::net
