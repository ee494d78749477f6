// A device key in a file: for devices that have no hardware to keep it. Whoever reads the file is
// the device.
#pragma once

#include <filesystem>

#include "agent/device_key.h"
#include "jose/file_key.h"

namespace mintmark::agent {

/// EC P-256, PKCS#8 in PEM, not encrypted.
class FileDeviceKey final : public DeviceKey {
 public:
  /// `agent_key_file` names the file and what is wrong: it is not there, is no regular file of
  /// ours, others may read or write it, or what it holds is no EC P-256 key.
  [[nodiscard]] static Result<FileDeviceKey> open(const std::filesystem::path& file) {
    return of(jose::FileKey::open(file, words));
  }
  /// The one that is there, or a new one, of mode 0600.
  [[nodiscard]] static Result<FileDeviceKey> open_or_make(const std::filesystem::path& file) {
    return of(jose::FileKey::open_or_make(file, words));
  }

  [[nodiscard]] const jose::PublicKey& public_key() const override { return key_.public_key(); }
  [[nodiscard]] Result<Bytes> sign(BytesView octets) override { return key_.sign(octets); }

 private:
  static constexpr jose::FileKey::Words words{Code::agent_key_file, "the device key"};

  [[nodiscard]] static Result<FileDeviceKey> of(Result<jose::FileKey> key) {
    if (!key) return pass_on(key);
    return FileDeviceKey(std::move(*key));
  }
  explicit FileDeviceKey(jose::FileKey key) : key_(std::move(key)) {}

  jose::FileKey key_;
};

}  // namespace mintmark::agent
