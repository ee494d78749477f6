// What a disk holds when the power fails: what was synced, and of everything else any part.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mintmark::test {

/// One directory's files by name.
using Files = std::map<std::string, std::string>;

/// One directory of a disk as POSIX promises it: octets are safe once their file was synced, names
/// once the directory was. Before that each sector of each write, each truncation and each change
/// of a name comes through or does not, by itself and in any order. A sector is all or nothing
/// within a write, and octets beside a write do not suffer (SQLite's "powersafe overwrite"). A
/// value; copying it is a snapshot.
class DiskModel {
 public:
  using FileId = std::size_t;
  static constexpr std::size_t sector_octets = 512;

  DiskModel() = default;
  /// All of it safe.
  explicit DiskModel(const Files& present);

  /// The file of that name, made if it is not there.
  FileId open(const std::string& name);
  void write(FileId file, std::size_t offset, std::string_view octets);
  void truncate(FileId file, std::size_t size);
  void remove(const std::string& name);
  void sync(FileId file);
  void sync_directory();

  /// Changes that are not safe yet, in their order.
  [[nodiscard]] std::size_t changes() const { return changes_.size(); }
  /// Of a write, how many sectors it touches; of others 1.
  [[nodiscard]] std::size_t sectors(std::size_t change) const;
  /// A change of the content of the file of that name is not safe yet.
  [[nodiscard]] bool is_unsafe(const std::string& name) const;

  /// What is found afterwards if exactly those came through.
  using Came = std::function<bool(std::size_t change, std::size_t sector)>;
  [[nodiscard]] Files after(const Came& came) const;

 private:
  struct Change {
    enum class Kind { write, truncate, name, unname };
    Kind kind;
    FileId file;
    std::size_t place;  ///< Offset or size.
    std::string text;   ///< Octets or name.
  };
  using Names = std::map<std::string, FileId>;
  using Contents = std::vector<std::string>;
  void apply(const Change& change, std::size_t sector, Contents& contents, Names& names) const;
  template <typename Which>
  void make_safe(Which which);

  Names now_;
  Names safe_names_;
  Contents safe_contents_;  // By FileId.
  std::vector<Change> changes_;
};

}  // namespace mintmark::test
