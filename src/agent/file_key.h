// A device key in a file: for devices that have no hardware to keep it. Whoever reads the file is
// the device.
#pragma once

#include <filesystem>

#include "agent/device_key.h"
#include "agent/software_key.h"

namespace mintmark::agent {

/// EC P-256, PKCS#8 in PEM, not encrypted.
class FileDeviceKey final : public DeviceKey {
 public:
  /// `agent_key_file` names the file and what is wrong: it is not there, is no regular file of
  /// ours, others may read or write it, or what it holds is no EC P-256 key.
  [[nodiscard]] static Result<FileDeviceKey> open(const std::filesystem::path& file);
  /// The one that is there, or a new one, of mode 0600.
  [[nodiscard]] static Result<FileDeviceKey> open_or_make(const std::filesystem::path& file);

  [[nodiscard]] const jose::PublicKey& public_key() const override { return public_key_; }
  [[nodiscard]] Result<Bytes> sign(BytesView octets) override;

 private:
  FileDeviceKey(SoftwarePair pair, jose::PublicKey public_key)
      : pair_(std::move(pair)), public_key_(std::move(public_key)) {}

  SoftwarePair pair_;
  jose::PublicKey public_key_;
};

}  // namespace mintmark::agent
