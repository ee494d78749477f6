// A key in a file, for those who have no hardware to keep it. Whoever reads the file has the key.
#pragma once

#include <filesystem>
#include <string_view>

#include "jose/signing_key.h"
#include "jose/software_key.h"

namespace mintmark::jose {

/// EC P-256, PKCS#8 in PEM, not encrypted.
class FileKey final : public SigningKey {
 public:
  /// How its errors speak of it: with `code`, and "NAME FILE is no regular file".
  struct Words {
    Code code;
    std::string_view name;  ///< "the device key"
  };
  /// The file is not there, is no regular file of ours, others may read or write it, or what it
  /// holds is no EC P-256 key.
  [[nodiscard]] static Result<FileKey> open(const std::filesystem::path& file, const Words& words);
  /// The one that is there, or a new one, of mode 0600.
  [[nodiscard]] static Result<FileKey> open_or_make(const std::filesystem::path& file,
                                                    const Words& words);

  [[nodiscard]] const PublicKey& public_key() const override { return public_key_; }
  /// Thread-safe.
  [[nodiscard]] Result<Bytes> sign(BytesView octets) override;

 private:
  FileKey(SoftwarePair pair, PublicKey public_key, Words words)
      : pair_(std::move(pair)), public_key_(std::move(public_key)), words_(words) {}

  SoftwarePair pair_;
  PublicKey public_key_;
  Words words_;
};

}  // namespace mintmark::jose
