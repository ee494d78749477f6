// Power loss, played on SQLite: what it writes, deletes and syncs in one directory is recorded, and
// each sync is a moment at which the power may have failed.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "support/disk_model.h"

namespace mintmark::test {

struct RecordingVfs;

/// A moment at which the power may have failed.
struct Cut {
  std::size_t answered;  ///< How often answered() had been called.
  DiskModel disk;
};

/// While it lives, every database that this process opens by SQLite's default VFS goes through one
/// of ours, which passes all on to the real one and records what concerns files of `directory`.
/// Shared memory is not recorded: nothing of it outlives the machine. A sync of the directory is
/// seen where SQLite opens it to sync it. One at a time; the databases of the directory are used by
/// one thread, and closed before it ends. Throws where SQLite's VFS is not "unix".
class PowerLoss {
 public:
  explicit PowerLoss(const std::filesystem::path& directory);
  ~PowerLoss();
  PowerLoss(const PowerLoss&) = delete;
  PowerLoss& operator=(const PowerLoss&) = delete;

  /// The caller was told that something is done: from here on it must outlive any loss.
  void answered();
  /// Each moment just before a sync, of a file or of the directory, and each answer.
  [[nodiscard]] const std::vector<Cut>& cuts() const;

 private:
  std::unique_ptr<RecordingVfs> vfs_;
};

}  // namespace mintmark::test
