// What a store keeps on disk: one file a key, and one of the store itself. Useless without the TPM
// that made it and the PIN.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "hsm/key_store.h"
#include "hsm/tpm2/device.h"
#include "hsm/tpm2/key_policy.h"

namespace mintmark::hsm::tpm2 {

/// How far a key has come. Written before the step that it names is begun.
enum class BlobState : std::uint8_t {
  planned,  ///< Its counter may be there; no key is.
  whole,
  ending,  ///< Its counter may have moved on; it signs no more.
};

struct KeyBlob {
  KeyId id{};
  Purpose purpose = Purpose::access_token;
  jose::Algorithm algorithm = jose::Algorithm::es256;
  BlobState state = BlobState::planned;
  KeyPolicy policy;  ///< While planned: the index alone.
  KeyBlobs key;      ///< Once whole.
};

/// Of the store itself.
struct StoreBlob {
  Bytes salt;       ///< Of its authorisation value, 16 octets, random.
  Bytes root_name;  ///< Name of the storage root that everything lies under.
  KeyBlobs ak;      ///< Its attestation key.
};

/// A directory: ID.key and store.json, JSON, each written whole or not at all and on disk when the
/// call returns. One process at a time: it holds a lock on the directory. Not thread-safe.
/// Errors: `io_failed`; `hsm_blob_malformed` with the file's name.
class BlobDirectory {
 public:
  /// Makes it with mode 0700 if it is not there. `hsm_blobs_in_use` if another process has it.
  [[nodiscard]] static Result<BlobDirectory> open(const std::string& path);

  /// nullopt: a store that was never opened. Without it, but with keys, `hsm_blob_malformed`:
  /// somebody restored a part.
  [[nodiscard]] Result<std::optional<StoreBlob>> read_store() const;
  [[nodiscard]] Result<void> write_store(const StoreBlob& store) const;

  [[nodiscard]] Result<std::vector<KeyBlob>> read_keys() const;
  [[nodiscard]] Result<void> write_key(const KeyBlob& key) const;
  [[nodiscard]] Result<void> remove_key(const KeyId& id) const;

 private:
  BlobDirectory(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  [[nodiscard]] std::string file_of(const KeyId& id) const;

  std::string path_;
  UniqueFd lock_;
};

}  // namespace mintmark::hsm::tpm2
