#include "hsm/tpm2/blobs.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <limits>

#include "base/json.h"
#include "jose/base64url.h"

namespace mintmark::hsm::tpm2 {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_file = 64U << 10U;
constexpr int version = 1;
constexpr std::array<std::string_view, 3> state_names{"planned", "whole", "ending"};

tl::unexpected<Error> malformed(const std::string& file, const std::string& why) {
  return fail(Code::hsm_blob_malformed, file + ": " + why);
}

Json json_of(const KeyBlobs& key) {
  return {{"public", jose::base64url(key.public_area)},
          {"private", jose::base64url(key.private_area)}};
}

/// Members of one file; the first that is wrong is remembered.
class Members {
 public:
  Members(const std::string& file, const Json& object) : file_(file), object_(object) {
    if (!object.is_object() || object.value("version", Json()) != Json(version))
      wrong_ = "is of no version known here";
  }
  std::string text(const char* key) {
    const auto found = object_.find(key);
    if (wrong_.empty() && (found == object_.end() || !found->is_string())) lacks(key);
    return wrong_.empty() ? found->get<std::string>() : std::string();
  }
  template <typename Number>
  Number number(const char* key) {
    const auto found = object_.find(key);
    if (wrong_.empty() && (found == object_.end() || !found->is_number_unsigned() ||
                           found->get<std::uint64_t>() > std::numeric_limits<Number>::max()))
      lacks(key);
    return wrong_.empty() ? found->get<Number>() : Number{0};
  }
  Bytes octets(const char* key) {
    auto decoded = jose::from_base64url(text(key));
    if (wrong_.empty() && !decoded) lacks(key);
    return wrong_.empty() ? std::move(*decoded) : Bytes();
  }
  template <typename T>
  T take(const char* key, Result<T> value, T fallback) {
    if (wrong_.empty() && !value) lacks(key);
    return wrong_.empty() ? std::move(*value) : fallback;
  }
  [[nodiscard]] Result<void> outcome() const {
    if (!wrong_.empty()) return malformed(file_, wrong_);
    return {};
  }

 private:
  void lacks(const char* key) { wrong_ = "has no \"" + std::string(key) + "\" as it must be"; }
  const std::string& file_;
  const Json& object_;
  std::string wrong_;
};

Result<Json> read_json(const std::string& file) {
  auto text = read_file(file, longest_file);
  if (!text) return pass_on(text);
  auto parsed = parse_json(*text);
  if (!parsed) return malformed(file, parsed.error().to_string());
  return parsed;
}

Result<BlobState> state_named(std::string_view name) {
  for (std::size_t i = 0; i < state_names.size(); ++i) {
    if (state_names.at(i) == name) return static_cast<BlobState>(i);
  }
  return fail(Code::hsm_blob_malformed, "no such state");
}

Result<KeyBlob> read_key_file(const std::string& file) {
  const auto json = read_json(file);
  if (!json) return tl::unexpected<Error>(json.error());
  Members members(file, *json);
  KeyBlob key;
  key.id = members.take("id", key_id_from(members.text("id")), key.id);
  key.purpose = members.take("purpose", purpose_named(members.text("purpose")), key.purpose);
  key.algorithm =
      members.take("algorithm", jose::algorithm_named(members.text("algorithm")), key.algorithm);
  key.state = members.take("state", state_named(members.text("state")), key.state);
  key.policy.counter_index = members.number<std::uint32_t>("counter_index");
  key.policy.counter_value = members.number<std::uint64_t>("counter_value");
  key.policy.boot_authority = members.octets("boot_authority");
  key.key = {members.octets("public"), members.octets("private")};
  if (auto read = members.outcome(); !read) return pass_on(read);
  if (fs::path(file).stem() != to_string(key.id)) return malformed(file, "is another key's");
  return key;
}

/// A name that was removed is gone only when the directory is on disk.
Result<void> sync(int directory) {
  if (fsync(directory) != 0) return fail(Code::io_failed, "fsync: " + errno_text(errno));
  return {};
}

}  // namespace

Result<BlobDirectory> BlobDirectory::open(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(Code::io_failed, path + ": " + errno_text(errno));
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail(Code::io_failed, path + ": " + errno_text(errno));
  if (flock(directory.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Code::hsm_blobs_in_use, path + ": another process has this key store open");
  return BlobDirectory(path, std::move(directory));
}

std::string BlobDirectory::file_of(const KeyId& id) const {
  return path_ + "/" + to_string(id) + ".key";
}

Result<std::optional<StoreBlob>> BlobDirectory::read_store() const {
  const std::string file = path_ + "/store.json";
  if (!fs::exists(file)) {
    auto keys = read_keys();
    if (!keys) return pass_on(keys);
    if (!keys->empty()) return malformed(file, "is missing, though there are keys");
    return std::nullopt;
  }
  const auto json = read_json(file);
  if (!json) return tl::unexpected<Error>(json.error());
  Members members(file, *json);
  StoreBlob store;
  store.salt = members.octets("salt");
  store.root_name = members.octets("root_name");
  store.ak = {members.octets("public"), members.octets("private")};
  if (auto read = members.outcome(); !read) return pass_on(read);
  return store;
}

Result<void> BlobDirectory::write_store(const StoreBlob& store) const {
  Json json = json_of(store.ak);
  json["version"] = version;
  json["salt"] = jose::base64url(store.salt);
  json["root_name"] = jose::base64url(store.root_name);
  return write_file_atomically(path_ + "/store.json", json.dump(2) + "\n");
}

Result<std::vector<KeyBlob>> BlobDirectory::read_keys() const {
  std::vector<KeyBlob> keys;
  std::error_code error;
  for (fs::directory_iterator entry(path_, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (entry->path().extension() != ".key") continue;
    auto key = read_key_file(entry->path().string());
    if (!key) return pass_on(key);
    keys.push_back(std::move(*key));
  }
  if (error) return fail(Code::io_failed, path_ + ": " + error.message());
  return keys;
}

Result<void> BlobDirectory::write_key(const KeyBlob& key) const {
  Json json = json_of(key.key);
  json["version"] = version;
  json["id"] = to_string(key.id);
  json["purpose"] = name_of(key.purpose);
  json["algorithm"] = jose::name_of(key.algorithm);
  json["state"] = state_names.at(static_cast<std::size_t>(key.state));
  json["counter_index"] = key.policy.counter_index;
  json["counter_value"] = key.policy.counter_value;
  json["boot_authority"] = jose::base64url(key.policy.boot_authority);
  return write_file_atomically(file_of(key.id), json.dump(2) + "\n");
}

Result<void> BlobDirectory::remove_key(const KeyId& id) const {
  if (unlink(file_of(id).c_str()) != 0 && errno != ENOENT)
    return fail(Code::io_failed, file_of(id) + ": " + errno_text(errno));
  return sync(lock_.get());
}

}  // namespace mintmark::hsm::tpm2
