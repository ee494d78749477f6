#include "support/power_loss.h"

#include <sqlite3.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>

namespace mintmark::test {
namespace {

constexpr const char* vfs_name = "mintmark-power-loss";
constexpr const char* open_directory = "openDirectory";

using OpenDirectory = int (*)(const char*, int*);

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

struct RecordingVfs {
  explicit RecordingVfs(const std::filesystem::path& watched);
  ~RecordingVfs();

  void cut() { cuts.push_back({answered, disk}); }
  /// The name within the directory; nullopt for files elsewhere and for nameless ones.
  [[nodiscard]] std::optional<std::string> name_of(const char* path) const;

  static RecordingVfs* current;

  std::filesystem::path directory;
  sqlite3_vfs* real;
  sqlite3_vfs vfs;
  OpenDirectory real_open_directory = nullptr;
  DiskModel disk;
  std::size_t answered = 0;
  std::vector<Cut> cuts;
};

RecordingVfs* RecordingVfs::current = nullptr;

namespace {

/// SQLite's handle of a file: ours in front, the real one behind it in the same allocation.
struct Handle {
  sqlite3_file base;
  sqlite3_file* real;
  RecordingVfs* watching;  // Null for files that are not recorded.
  DiskModel::FileId file;
};
constexpr std::size_t handle_octets = (sizeof(Handle) + alignof(std::max_align_t) - 1) /
                                      alignof(std::max_align_t) * alignof(std::max_align_t);

Handle& handle(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
sqlite3_file* real(sqlite3_file* file) { return handle(file).real; }

int close(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }

int read(sqlite3_file* file, void* to, int octets, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), to, octets, offset);
}

int write(sqlite3_file* file, const void* from, int octets, sqlite3_int64 offset) {
  if (auto* watching = handle(file).watching) {
    watching->disk.write(handle(file).file, static_cast<std::size_t>(offset),
                         {static_cast<const char*>(from), static_cast<std::size_t>(octets)});
  }
  return real(file)->pMethods->xWrite(real(file), from, octets, offset);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (auto* watching = handle(file).watching)
    watching->disk.truncate(handle(file).file, static_cast<std::size_t>(size));
  return real(file)->pMethods->xTruncate(real(file), size);
}

int sync(sqlite3_file* file, int flags) {
  if (auto* watching = handle(file).watching) {
    watching->cut();
    // Before the call: within it the directory may be synced, after the file.
    watching->disk.sync(handle(file).file);
  }
  return real(file)->pMethods->xSync(real(file), flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int check_reserved_lock(sqlite3_file* file, int* reserved) {
  return real(file)->pMethods->xCheckReservedLock(real(file), reserved);
}
int file_control(sqlite3_file* file, int operation, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int device_characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int shm_map(sqlite3_file* file, int page, int octets, int extend, void volatile** mapped) {
  return real(file)->pMethods->xShmMap(real(file), page, octets, extend, mapped);
}
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

// Version 2: without xFetch nothing is read or written by a mapping.
const sqlite3_io_methods methods = {2,
                                    close,
                                    read,
                                    write,
                                    truncate,
                                    sync,
                                    file_size,
                                    lock,
                                    unlock,
                                    check_reserved_lock,
                                    file_control,
                                    sector_size,
                                    device_characteristics,
                                    shm_map,
                                    shm_lock,
                                    shm_barrier,
                                    shm_unmap,
                                    nullptr,
                                    nullptr};

int open(sqlite3_vfs* /*vfs*/, const char* path, sqlite3_file* file, int flags, int* given) {
  RecordingVfs& state = *RecordingVfs::current;
  Handle& opened = handle(file);
  opened.real = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + handle_octets);
  opened.watching = nullptr;
  const int result = state.real->xOpen(state.real, path, opened.real, flags, given);
  // Where it failed SQLite calls xClose only if there are methods.
  opened.base.pMethods = opened.real->pMethods == nullptr ? nullptr : &methods;
  const auto name = state.name_of(path);
  if (result != SQLITE_OK || !name) return result;
  opened.watching = &state;
  opened.file = state.disk.open(*name);
  return result;
}

int remove(sqlite3_vfs* /*vfs*/, const char* path, int sync_directory) {
  RecordingVfs& state = *RecordingVfs::current;
  if (const auto name = state.name_of(path)) state.disk.remove(*name);
  return state.real->xDelete(state.real, path, sync_directory);
}

// SQLite's unix VFS opens a file's directory for one reason, to sync it.
int open_directory_to_sync(const char* path, int* fd) {
  RecordingVfs& state = *RecordingVfs::current;
  if (state.name_of(path)) {
    state.cut();
    state.disk.sync_directory();
  }
  return state.real_open_directory(path, fd);
}

}  // namespace

RecordingVfs::RecordingVfs(const std::filesystem::path& watched)
    : directory(std::filesystem::canonical(watched)), real(sqlite3_vfs_find(nullptr)), vfs(*real) {
  if (real->zName != std::string("unix")) throw std::runtime_error("SQLite's VFS is not \"unix\"");
  Files present;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    present[entry.path().filename().string()] = content_of(entry.path());
  disk = DiskModel(present);
  current = this;
  vfs.szOsFile = static_cast<int>(handle_octets) + real->szOsFile;
  vfs.zName = vfs_name;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  real_open_directory = reinterpret_cast<OpenDirectory>(real->xGetSystemCall(real, open_directory));
  if (real_open_directory == nullptr ||
      real->xSetSystemCall(real, open_directory,
                           reinterpret_cast<sqlite3_syscall_ptr>(open_directory_to_sync)) !=
          SQLITE_OK ||
      sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
    throw std::runtime_error("SQLite's VFS lets nobody look on");
}

RecordingVfs::~RecordingVfs() {
  sqlite3_vfs_unregister(&vfs);
  sqlite3_vfs_register(real, 1);
  real->xSetSystemCall(real, open_directory, nullptr);
  current = nullptr;
}

std::optional<std::string> RecordingVfs::name_of(const char* path) const {
  if (path == nullptr) return std::nullopt;
  const std::filesystem::path whole(path);
  if (whole.parent_path() != directory) return std::nullopt;
  return whole.filename().string();
}

PowerLoss::PowerLoss(const std::filesystem::path& directory)
    : vfs_(std::make_unique<RecordingVfs>(directory)) {}
PowerLoss::~PowerLoss() = default;

void PowerLoss::answered() {
  ++vfs_->answered;
  vfs_->cut();
}

const std::vector<Cut>& PowerLoss::cuts() const { return vfs_->cuts; }

}  // namespace mintmark::test
