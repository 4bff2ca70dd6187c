#include "testing/crash_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "base/mutex.h"
#include "testing/crash_disk.h"

namespace reachback::testing {

struct CrashVfs::Impl {
  explicit Impl(std::uint64_t seed) : disk(seed) {}
  std::string name;
  sqlite3_vfs vfs{};
  mutable Mutex mutex;
  CrashDisk disk RB_GUARDED_BY(mutex);  // and every CrashNode of it, with the files open on it
  int error_number RB_GUARDED_BY(mutex) = 0;  // of the last failed open
};

// One open file. SQLite allocates it; open_file() and close_file() construct and destroy it.
struct CrashFile {
  sqlite3_file base{};
  CrashVfs::Impl* vfs = nullptr;
  std::shared_ptr<CrashNode> node;
  std::string delete_on_close;
  int level = SQLITE_LOCK_NONE;
  unsigned index_shared = 0;  // bit n: holds lock n of the index shared
  unsigned index_exclusive = 0;
  bool uses_index = false;
};

namespace {

CrashFile& of(sqlite3_file* f) {
  return *reinterpret_cast<CrashFile*>(f);
}
CrashVfs::Impl& of(sqlite3_vfs* vfs) {
  return *static_cast<CrashVfs::Impl*>(vfs->pAppData);
}

// ---- locks of the database file
void drop_to(CrashFile& f, int level) {
  CrashNode& node = *f.node;
  if (f.level > SQLITE_LOCK_SHARED && level <= SQLITE_LOCK_SHARED) {
    node.reserved = node.reserved == &f ? nullptr : node.reserved;
    node.exclusive = node.exclusive == &f ? nullptr : node.exclusive;
  }
  if (f.level >= SQLITE_LOCK_SHARED && level == SQLITE_LOCK_NONE) {
    --node.shared;
  }
  f.level = std::min(f.level, level);
}

int lock(sqlite3_file* file, int level) {
  CrashFile& f = of(file);
  MutexLock guard(f.vfs->mutex);
  CrashNode& node = *f.node;
  if (f.level >= level) {
    return SQLITE_OK;
  }
  if (node.exclusive != nullptr && node.exclusive != &f) {
    return SQLITE_BUSY;
  }
  if (level == SQLITE_LOCK_SHARED) {
    ++node.shared;
    f.level = level;
    return SQLITE_OK;
  }
  if (node.reserved != nullptr && node.reserved != &f) {
    return SQLITE_BUSY;
  }
  node.reserved = &f;
  if (level == SQLITE_LOCK_RESERVED) {
    f.level = level;
    return SQLITE_OK;
  }
  node.exclusive = &f;  // no new readers from here on
  if (node.shared > 1) {
    f.level = SQLITE_LOCK_PENDING;
    return SQLITE_BUSY;
  }
  f.level = level;
  return SQLITE_OK;
}

int unlock(sqlite3_file* file, int level) {
  CrashFile& f = of(file);
  MutexLock guard(f.vfs->mutex);
  drop_to(f, level);
  return SQLITE_OK;
}

int check_reserved(sqlite3_file* file, int* out) {
  CrashFile& f = of(file);
  MutexLock guard(f.vfs->mutex);
  *out = f.node->reserved != nullptr ? 1 : 0;
  return SQLITE_OK;
}

// ---- the shared-memory index of the log
int index_map(sqlite3_file* file, int region, int size, int extend, void volatile** out) {
  CrashFile& f = of(file);
  MutexLock guard(f.vfs->mutex);
  auto& index = f.node->index;
  if (!f.uses_index) {
    f.uses_index = true;
    f.node->index_users.push_back(&f);
  }
  *out = nullptr;
  auto at = static_cast<std::size_t>(region);
  while (index.size() <= at) {
    if (extend == 0) {
      return SQLITE_OK;
    }
    index.push_back(std::make_unique<char[]>(static_cast<std::size_t>(size)));
  }
  *out = index[at].get();
  return SQLITE_OK;
}

int index_lock(sqlite3_file* file, int first, int count, int flags) {
  CrashFile& f = of(file);
  MutexLock guard(f.vfs->mutex);
  unsigned mask = ((1u << count) - 1) << first;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    f.index_shared &= ~mask;
    f.index_exclusive &= ~mask;
    return SQLITE_OK;
  }
  bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  for (const CrashFile* other : f.node->index_users) {
    unsigned held = other->index_exclusive | (exclusive ? other->index_shared : 0);
    if (other != &f && (held & mask) != 0) {
      return SQLITE_BUSY;
    }
  }
  (exclusive ? f.index_exclusive : f.index_shared) |= mask;
  return SQLITE_OK;
}

void index_barrier(sqlite3_file* file) {
  MutexLock guard(of(file).vfs->mutex);
}

// As with SQLite's own layer, who opens the index first makes it anew.
void leave_index(CrashFile& f) {
  auto& users = f.node->index_users;
  users.erase(std::remove(users.begin(), users.end(), &f), users.end());
  f.uses_index = false;
  f.index_shared = f.index_exclusive = 0;
  if (users.empty()) {
    f.node->index.clear();
  }
}

int index_unmap(sqlite3_file* file, int /*forget*/) {
  CrashFile& f = of(file);
  MutexLock guard(f.vfs->mutex);
  leave_index(f);
  return SQLITE_OK;
}

// ---- files
int close_file(sqlite3_file* file) {
  CrashFile& f = of(file);
  {
    MutexLock guard(f.vfs->mutex);
    drop_to(f, SQLITE_LOCK_NONE);
    leave_index(f);
    if (!f.delete_on_close.empty()) {
      f.vfs->disk.remove(f.delete_on_close, false);
    }
  }
  f.~CrashFile();
  return SQLITE_OK;
}

int read_file(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
  CrashFile& f = of(file);
  MutexLock guard(f.vfs->mutex);
  if (f.vfs->disk.power_is_off()) {
    return SQLITE_IOERR_READ;
  }
  const std::string& content = f.node->content;
  auto at = static_cast<std::size_t>(offset);
  auto want = static_cast<std::size_t>(amount);
  std::size_t have = at < content.size() ? std::min(want, content.size() - at) : 0;
  std::memcpy(out, content.data() + std::min(at, content.size()), have);
  std::memset(static_cast<char*>(out) + have, 0, want - have);
  return have == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* file, const void* data, int amount, sqlite3_int64 offset) {
  CrashFile& f = of(file);
  MutexLock guard(f.vfs->mutex);
  switch (f.vfs->disk.write(
      *f.node, static_cast<std::uint64_t>(offset),
      std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(amount)))) {
    case CrashDisk::Outcome::done:
      return SQLITE_OK;
    case CrashDisk::Outcome::full:
      return SQLITE_FULL;
    case CrashDisk::Outcome::no_power:
      return SQLITE_IOERR_WRITE;
  }
  return SQLITE_IOERR_WRITE;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  CrashFile& f = of(file);
  MutexLock guard(f.vfs->mutex);
  auto outcome = f.vfs->disk.truncate(*f.node, static_cast<std::uint64_t>(size));
  return outcome == CrashDisk::Outcome::done ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

int sync_file(sqlite3_file* file, int /*flags*/) {
  CrashFile& f = of(file);
  MutexLock guard(f.vfs->mutex);
  return f.vfs->disk.sync(*f.node) ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

int file_size(sqlite3_file* file, sqlite3_int64* out) {
  CrashFile& f = of(file);
  MutexLock guard(f.vfs->mutex);
  *out = static_cast<sqlite3_int64>(f.node->content.size());
  return SQLITE_OK;
}

int file_control(sqlite3_file* /*file*/, int /*op*/, void* /*arg*/) {
  return SQLITE_NOTFOUND;
}
int sector_size(sqlite3_file* /*file*/) {
  return 4096;
}
// As SQLite's own Unix layer says of every disk: bytes beside a torn write keep their values.
int characteristics(sqlite3_file* /*file*/) {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

constexpr sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = lock,
    .xUnlock = unlock,
    .xCheckReservedLock = check_reserved,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = index_map,
    .xShmLock = index_lock,
    .xShmBarrier = index_barrier,
    .xShmUnmap = index_unmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

// ---- the file system
int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags, int* out_flags) {
  CrashVfs::Impl& impl = of(vfs);
  out->pMethods = nullptr;
  MutexLock guard(impl.mutex);
  std::shared_ptr<CrashNode> node = name != nullptr ? impl.disk.find(name) : nullptr;
  if (name == nullptr) {
    node = std::make_shared<CrashNode>();  // a temporary file: nobody expects it after a crash
  } else if (node == nullptr && (flags & SQLITE_OPEN_CREATE) != 0) {
    node = impl.disk.make(name);
  }
  if (node == nullptr || impl.disk.power_is_off()) {
    impl.error_number = impl.disk.power_is_off() ? EIO : ENOENT;
    return SQLITE_CANTOPEN;
  }
  auto* f = new (out) CrashFile();
  f->vfs = &impl;
  f->node = std::move(node);
  if (name != nullptr && (flags & SQLITE_OPEN_DELETEONCLOSE) != 0) {
    f->delete_on_close = name;
  }
  f->base.pMethods = &kMethods;
  if (out_flags != nullptr) {
    *out_flags = flags;
  }
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  CrashVfs::Impl& impl = of(vfs);
  MutexLock guard(impl.mutex);
  if (impl.disk.find(name) == nullptr) {
    return SQLITE_IOERR_DELETE_NOENT;
  }
  return impl.disk.remove(name, sync_folder != 0) ? SQLITE_OK : SQLITE_IOERR_DELETE;
}

int access_file(sqlite3_vfs* vfs, const char* name, int /*flags*/, int* out) {
  CrashVfs::Impl& impl = of(vfs);
  MutexLock guard(impl.mutex);
  auto node = impl.disk.find(name);
  // As SQLite's own layer: an empty file counts as absent (it asks for journals).
  *out = node != nullptr && !node->content.empty() ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs* /*vfs*/, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int last_error(sqlite3_vfs* vfs, int /*size*/, char* /*out*/) {
  CrashVfs::Impl& impl = of(vfs);
  MutexLock guard(impl.mutex);
  return std::exchange(impl.error_number, 0);
}

std::string unique_name() {
  static std::atomic<int> count{0};
  return "reachback-crash-" + std::to_string(++count);
}

}  // namespace

CrashVfs::CrashVfs(std::uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {
  const sqlite3_vfs& system = *sqlite3_vfs_find(nullptr);
  impl_->name = unique_name();
  impl_->vfs = system;  // time, sleep and randomness are the system's
  impl_->vfs.iVersion = 2;
  impl_->vfs.szOsFile = sizeof(CrashFile);
  impl_->vfs.pNext = nullptr;
  impl_->vfs.zName = impl_->name.c_str();
  impl_->vfs.pAppData = impl_.get();
  impl_->vfs.xOpen = open_file;
  impl_->vfs.xDelete = delete_file;
  impl_->vfs.xAccess = access_file;
  impl_->vfs.xFullPathname = full_path;
  impl_->vfs.xGetLastError = last_error;
  sqlite3_vfs_register(&impl_->vfs, /*makeDflt=*/0);
}

CrashVfs::~CrashVfs() {
  sqlite3_vfs_unregister(&impl_->vfs);
}

const std::string& CrashVfs::name() const {
  return impl_->name;
}
void CrashVfs::cut_power_at(std::uint64_t step) {
  MutexLock guard(impl_->mutex);
  impl_->disk.cut_power_at(step);
}
bool CrashVfs::power_is_off() const {
  MutexLock guard(impl_->mutex);
  return impl_->disk.power_is_off();
}
std::uint64_t CrashVfs::steps() const {
  MutexLock guard(impl_->mutex);
  return impl_->disk.steps();
}
void CrashVfs::restart(Loss loss) {
  MutexLock guard(impl_->mutex);
  impl_->disk.restart(loss);
}
void CrashVfs::fail_sync(std::uint64_t nth) {
  MutexLock guard(impl_->mutex);
  impl_->disk.fail_sync(nth);
}
void CrashVfs::fail_syncs(bool fail) {
  MutexLock guard(impl_->mutex);
  impl_->disk.fail_syncs(fail);
}
void CrashVfs::set_capacity(std::uint64_t bytes) {
  MutexLock guard(impl_->mutex);
  impl_->disk.set_capacity(bytes);
}

}  // namespace reachback::testing
