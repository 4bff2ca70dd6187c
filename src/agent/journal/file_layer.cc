#include "agent/journal/file_layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

namespace reachback::agent {
namespace {

class SystemFile : public LayerFile {
 public:
  SystemFile(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<std::string> read_all() override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) {
      return errno_error("stat", path_);
    }
    std::string out(static_cast<std::size_t>(status.st_size), '\0');
    RB_TRY_ASSIGN(std::size_t size, read_at(fd_.get(), out.data(), out.size(), 0));
    out.resize(size);
    return out;
  }

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n <= 0) {
        return errno_error("write", path_);
      }
      bytes.remove_prefix(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  Result<void> sync() override { return sync_file(fd_.get()); }

 private:
  Fd fd_;
  std::string path_;
};

class SystemLayer : public FileLayer {
 public:
  explicit SystemLayer(std::string folder) : folder_(std::move(folder)) {}

  Result<std::unique_ptr<LayerFile>> open(const std::string& name) override {
    return open_as(name, O_RDWR | O_NOFOLLOW);
  }
  Result<std::unique_ptr<LayerFile>> create(const std::string& name) override {
    return open_as(name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(path(from).c_str(), path(to).c_str()) != 0) {
      return errno_error("rename", path(from));
    }
    return {};
  }
  Result<void> link(const std::string& from, const std::string& to) override {
    if (::link(path(from).c_str(), path(to).c_str()) != 0) {
      return errno_error("link", path(from));
    }
    return {};
  }
  Result<void> sync_names() override { return sync_folder(folder_); }

 private:
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  Result<std::unique_ptr<LayerFile>> open_as(const std::string& name, int flags) {
    RB_TRY_ASSIGN(Fd fd, open_file(path(name), flags, 0600));
    return std::unique_ptr<LayerFile>(std::make_unique<SystemFile>(std::move(fd), path(name)));
  }
  std::string folder_;
};

}  // namespace

std::unique_ptr<FileLayer> make_file_layer(std::string folder) {
  return std::make_unique<SystemLayer>(std::move(folder));
}

}  // namespace reachback::agent
