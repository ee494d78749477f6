// An IMA log in memory: what the kernel lists, and the PCR 10 that it leaves in each bank.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "support/boot_log.h"

namespace mintmark::test {

class ImaLog {
 public:
  /// A file under "ima-ng", "ima-sig", "ima-ngv2", "ima-sigv2", "ima-buf" or "ima"; `more` is what
  /// follows the path (a signature, a buffer).
  ImaLog& file(const std::string& path, std::string_view content,
               const std::string& name = "ima-ng", const Bytes& more = {}) {
    const std::string algorithm = name == "ima" ? "sha1" : "sha256";
    const Bytes digest = bank_digest(algorithm, as_bytes(content));
    const bool second = name.ends_with("v2");
    entries_.push_back({name, data(name, (second ? "ima:" : "") + algorithm, digest, path, more),
                        text(name, (second ? "ima:" : "") + algorithm, digest, path, more), path,
                        digest, false});
    return *this;
  }
  /// A file that changed while it was measured.
  ImaLog& violation(const std::string& path) {
    file(path, "", "ima-ng");
    entries_.back().violation = true;
    return *this;
  }

  [[nodiscard]] Bytes binary() const {
    Bytes out;
    for (const Entry& entry : entries_) {
      put(out, 10);
      const Bytes hash = listed(entry);
      out.insert(out.end(), hash.begin(), hash.end());
      field(out, as_bytes(entry.name));
      if (entry.name == "ima") {
        out.insert(out.end(), entry.digest.begin(), entry.digest.end());
        field(out, as_bytes(entry.path));
      } else {
        field(out, entry.data);
      }
    }
    return out;
  }
  [[nodiscard]] std::string ascii() const {
    std::string out;
    for (const Entry& entry : entries_)
      out += "10 " + to_hex(listed(entry)) + " " + entry.name + " " + entry.text + "\n";
    return out;
  }
  /// PCR 10 after the first `count` entries; as kernels before 5.8: SHA-1 filled up with zeros.
  [[nodiscard]] Bytes pcr10(const std::string& bank, std::size_t count = ~std::size_t{0},
                            bool filled_up = false) const {
    Bytes value(bank_digest(bank, {}).size());
    for (std::size_t i = 0; i < entries_.size() && i < count; ++i) {
      Bytes digest = bank_digest(filled_up ? "sha1" : bank, entries_[i].data);
      if (entries_[i].violation) digest.assign(digest.size(), 0xFF);
      digest.resize(value.size());
      value = extended(bank, value, digest);
    }
    return value;
  }

 private:
  struct Entry {
    std::string name;
    Bytes data;
    std::string text;
    std::string path;
    Bytes digest;
    bool violation;
  };
  static void put(Bytes& out, std::size_t value) {
    for (unsigned i = 0; i < 4; ++i) out.push_back(static_cast<std::uint8_t>(value >> 8U * i));
  }
  static void field(Bytes& out, BytesView content) {
    put(out, content.size());
    out.insert(out.end(), content.begin(), content.end());
  }
  static bool has_more(const std::string& name) {
    return name == "ima-sig" || name == "ima-sigv2" || name == "ima-buf";
  }
  static Bytes data(const std::string& name, const std::string& algorithm, const Bytes& digest,
                    const std::string& path, const Bytes& more) {
    Bytes out;
    if (name == "ima") {
      out = digest;
      out.insert(out.end(), path.begin(), path.end());
      out.resize(20 + 256);
      return out;
    }
    Bytes first = to_bytes(as_bytes(algorithm + ":"));
    first.push_back(0);
    first.insert(first.end(), digest.begin(), digest.end());
    field(out, first);
    Bytes second = to_bytes(as_bytes(path));
    second.push_back(0);
    field(out, second);
    if (has_more(name)) field(out, more);
    return out;
  }
  static std::string text(const std::string& name, const std::string& algorithm,
                          const Bytes& digest, const std::string& path, const Bytes& more) {
    if (name == "ima") return to_hex(digest) + " " + path;
    return algorithm + ":" + to_hex(digest) + " " + path +
           (has_more(name) ? " " + to_hex(more) : "");
  }
  static Bytes listed(const Entry& entry) {
    return entry.violation ? Bytes(20) : bank_digest("sha1", entry.data);
  }

  std::vector<Entry> entries_;
};

}  // namespace mintmark::test
