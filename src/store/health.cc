#include "store/health.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <map>

#include "store/sqlite.h"

namespace mintmark::store {
namespace {

constexpr std::chrono::milliseconds patience_of_a_probe{100};

struct Facts {
  std::string_view name;
  std::string_view advice;
  Code code;
};

constexpr std::array<Facts, hindrances> facts{{
    {"full", "make room on its disk, or raise the quota", Code::store_full},
    {"read_only", "make the file system and the file writable for its owner",
     Code::store_read_only},
    {"busy", "end the other process that holds the database open in a transaction",
     Code::store_busy},
    {"descriptors", "raise LimitNOFILE, or lower http.connections", Code::store_failed},
    {"memory", "give this machine or this service more memory", Code::out_of_memory},
    {"io", "look at the kernel's log: a failing disk, most likely", Code::store_failed},
    {"damaged", "stop mintd and restore the file from its backup", Code::store_failed},
}};

const Facts& facts_of(Hindrance hindrance) { return facts.at(static_cast<std::size_t>(hindrance)); }

struct Registry {
  Mutex mutex;
  std::map<std::string, std::weak_ptr<Health>> files MINTMARK_GUARDED_BY(mutex);
};

Registry& registry() {
  // Never destroyed: files may be open while the process ends.
  static auto* const one = new Registry;
  return *one;
}

bool is_damaged(const std::optional<Trouble>& trouble) {
  return trouble && trouble->hindrance == Hindrance::damaged;
}

Result<void> require_room(const std::string& path, std::uint64_t octets) {
  struct statvfs disk {};
  if (statvfs(path.c_str(), &disk) != 0)
    return fail(Code::store_failed, path + ": cannot tell the room on its disk");
  if (std::uint64_t{disk.f_bavail} >= octets / disk.f_frsize) return {};
  return fail(Code::store_full, path + ": its disk still has hardly any room");
}

}  // namespace

std::string_view name_of(Hindrance hindrance) { return facts_of(hindrance).name; }
std::string_view advice_on(Hindrance hindrance) { return facts_of(hindrance).advice; }
Code code_of(Hindrance hindrance) { return facts_of(hindrance).code; }

std::shared_ptr<Health> Health::of(const std::string& path) {
  const MutexLock lock(registry().mutex);
  std::weak_ptr<Health>& place = registry().files[path];
  auto health = place.lock();
  if (!health) place = health = std::make_shared<Health>(path);
  return health;
}

std::shared_ptr<Health> Health::find(const std::string& path) {
  const MutexLock lock(registry().mutex);
  const auto found = registry().files.find(path);
  return found == registry().files.end() ? nullptr : found->second.lock();
}

std::vector<Health::Look> Health::of_all() {
  std::vector<Look> all;
  const MutexLock lock(registry().mutex);
  for (auto at = registry().files.begin(); at != registry().files.end();) {
    const auto health = at->second.lock();
    if (health) all.push_back(health->look());
    at = health ? std::next(at) : registry().files.erase(at);
  }
  return all;
}

void Health::failed(Hindrance hindrance, const Error& error) {
  const MutexLock lock(mutex_);
  ++failures_.at(static_cast<std::size_t>(hindrance));
  if (!is_damaged(trouble_)) trouble_ = Trouble{hindrance, error};
}

void Health::written() {
  const MutexLock lock(mutex_);
  if (!is_damaged(trouble_)) trouble_.reset();
}

Health::Look Health::look() const {
  const MutexLock lock(mutex_);
  return {path_, trouble_, failures_};
}

Result<void> Health::check() const {
  const MutexLock lock(mutex_);
  if (!trouble_) return {};
  return tl::unexpected<Error>(trouble_->error);
}

Result<void> probe(const std::string& path, Hindrance after, std::uint64_t room) {
  // The page that is written here need not be the one that is damaged.
  if (after == Hindrance::damaged) return fail(Code::store_failed, path + ": is damaged");
  if (after == Hindrance::full) {
    if (auto has = require_room(path, room); !has) return has;
  }
  // Opened, a file that is gone would be made anew, and be another one than those in use.
  if (access(path.c_str(), F_OK) != 0)
    return fail(Code::store_failed, path + ": is not there any more");
  auto database = Database::open(path, 0600);
  if (!database) return pass_on(database);
  database->wait_for_others(patience_of_a_probe);
  const auto version = database->integer("PRAGMA user_version");
  if (!version) return tl::unexpected<Error>(version.error());
  auto transaction = Transaction::begin(*database);
  if (!transaction) return pass_on(transaction);
  if (auto written = database->execute("PRAGMA user_version = " + std::to_string(*version));
      !written)
    return written;
  return transaction->commit();
}

}  // namespace mintmark::store
