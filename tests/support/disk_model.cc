#include "support/disk_model.h"

#include <algorithm>

namespace mintmark::test {

DiskModel::DiskModel(const Files& present) {
  for (const auto& [name, octets] : present) {
    now_[name] = safe_contents_.size();
    safe_contents_.push_back(octets);
  }
  safe_names_ = now_;
}

DiskModel::FileId DiskModel::open(const std::string& name) {
  const auto found = now_.find(name);
  if (found != now_.end()) return found->second;
  const FileId file = safe_contents_.size();
  safe_contents_.emplace_back();
  now_[name] = file;
  changes_.push_back({Change::Kind::name, file, 0, name});
  return file;
}

void DiskModel::write(FileId file, std::size_t offset, std::string_view octets) {
  if (octets.empty()) return;
  changes_.push_back({Change::Kind::write, file, offset, std::string(octets)});
}

void DiskModel::truncate(FileId file, std::size_t size) {
  changes_.push_back({Change::Kind::truncate, file, size, ""});
}

void DiskModel::remove(const std::string& name) {
  const auto found = now_.find(name);
  if (found == now_.end()) return;
  changes_.push_back({Change::Kind::unname, found->second, 0, name});
  now_.erase(found);
}

template <typename Which>
void DiskModel::make_safe(Which which) {
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    if (!which(changes_[i])) continue;
    for (std::size_t sector = 0; sector < sectors(i); ++sector)
      apply(changes_[i], sector, safe_contents_, safe_names_);
  }
  std::erase_if(changes_, which);
}

void DiskModel::sync(FileId file) {
  make_safe([file](const Change& change) {
    return change.file == file &&
           (change.kind == Change::Kind::write || change.kind == Change::Kind::truncate);
  });
}

void DiskModel::sync_directory() {
  make_safe([](const Change& change) {
    return change.kind == Change::Kind::name || change.kind == Change::Kind::unname;
  });
}

std::size_t DiskModel::sectors(std::size_t change) const {
  const Change& one = changes_.at(change);
  if (one.kind != Change::Kind::write) return 1;
  const std::size_t last = (one.place + one.text.size() - 1) / sector_octets;
  return last - one.place / sector_octets + 1;
}

bool DiskModel::is_unsafe(const std::string& name) const {
  const auto found = now_.find(name);
  return found != now_.end() &&
         std::any_of(changes_.begin(), changes_.end(), [&](const Change& change) {
           return change.file == found->second && change.kind == Change::Kind::write;
         });
}

void DiskModel::apply(const Change& change, std::size_t sector, Contents& contents,
                      Names& names) const {
  std::string& content = contents[change.file];
  switch (change.kind) {
    case Change::Kind::write: {
      const std::size_t first = change.place / sector_octets + sector;
      const std::size_t begin = std::max(change.place, first * sector_octets);
      const std::size_t end =
          std::min(change.place + change.text.size(), (first + 1) * sector_octets);
      if (content.size() < end) content.resize(end);
      content.replace(begin, end - begin, change.text, begin - change.place, end - begin);
      break;
    }
    case Change::Kind::truncate:
      content.resize(change.place);
      break;
    case Change::Kind::name:
      names[change.text] = change.file;
      break;
    case Change::Kind::unname:
      names.erase(change.text);
      break;
  }
}

Files DiskModel::after(const Came& came) const {
  Contents contents = safe_contents_;
  Names names = safe_names_;
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    for (std::size_t sector = 0; sector < sectors(i); ++sector)
      if (came(i, sector)) apply(changes_[i], sector, contents, names);
  }
  Files files;
  for (const auto& [name, file] : names) files[name] = contents[file];
  return files;
}

}  // namespace mintmark::test
