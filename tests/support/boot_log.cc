#include "support/boot_log.h"

#include <openssl/evp.h>

#include <algorithm>

namespace mintmark::test {
namespace {

void put(Bytes& out, std::uint64_t value, unsigned octets) {
  for (unsigned i = 0; i < octets; ++i) out.push_back(static_cast<std::uint8_t>(value >> 8U * i));
}
void put(Bytes& out, BytesView octets) { out.insert(out.end(), octets.begin(), octets.end()); }

std::uint16_t id_of(const std::string& bank) {
  if (bank == "sha1") return 0x4;
  if (bank == "sha256") return 0xB;
  return bank == "sha384" ? 0xC : 0xD;
}

const EVP_MD* md_of(const std::string& bank) { return EVP_get_digestbyname(bank.c_str()); }

std::size_t size_of(const std::string& bank) {
  return static_cast<std::size_t>(EVP_MD_get_size(md_of(bank)));
}

Bytes octets_of(std::string_view text) { return to_bytes(as_bytes(text)); }

}  // namespace

Bytes bank_digest(const std::string& bank, BytesView octets) {
  Bytes digest(size_of(bank));
  EVP_Digest(octets.data(), octets.size(), digest.data(), nullptr, md_of(bank), nullptr);
  return digest;
}

Bytes extended(const std::string& bank, const Bytes& old, BytesView digest) {
  Bytes both = old;
  put(both, digest);
  return bank_digest(bank, both);
}

Bytes utf16(std::string_view text) {
  Bytes out;
  for (const char c : text) put(out, static_cast<std::uint8_t>(c), 2);
  return out;
}

Bytes efi_global_guid() { return *from_hex("61dfe48bca93d211aa0d00e098032b8c"); }
Bytes image_security_guid() { return *from_hex("cbb219d73a3d9645a3bcdad00e67656f"); }
Bytes shim_lock_guid() { return *from_hex("50ab5d6046e00043abb63dd810dd8b23"); }
Bytes cert_x509_guid() { return *from_hex("a159c0a5e494a74a87b5ab155c2bf072"); }
Bytes cert_sha256_guid() { return *from_hex("2616c4c14c509240aca941f936934328"); }

Bytes efi_variable(BytesView guid, std::string_view name, BytesView content) {
  Bytes out = to_bytes(guid);
  put(out, name.size(), 8);
  put(out, content.size(), 8);
  put(out, utf16(name));
  put(out, content);
  return out;
}

Bytes signature_list(BytesView type_guid, BytesView owner_guid, const std::vector<Bytes>& entries) {
  const std::size_t size = 16 + (entries.empty() ? 0 : entries.front().size());
  Bytes out = to_bytes(type_guid);
  put(out, 28 + entries.size() * size, 4);
  put(out, 0, 4);
  put(out, size, 4);
  for (const Bytes& entry : entries) {
    put(out, owner_guid);
    put(out, entry);
  }
  return out;
}

Bytes image_load(std::string_view path) {
  Bytes text = utf16(path);
  put(text, 0, 2);
  Bytes out;
  for (const std::uint64_t value : {0x7F000000ULL, 0x1000ULL, 0ULL}) put(out, value, 8);
  put(out, 4 + text.size() + 4, 8);
  put(out, 0x0404, 2);
  put(out, 4 + text.size(), 2);
  put(out, text);
  put(out, *from_hex("7fff0400"));
  return out;
}

BootLog::BootLog(std::vector<std::string> banks) : banks_(std::move(banks)) { write_header(); }

void BootLog::write_header() {
  Bytes data = octets_of("Spec ID Event03");
  data.push_back(0);
  put(data, 0, 4);
  put(data, *from_hex("00020002"));
  put(data, banks_.size(), 4);
  for (const std::string& bank : banks_) {
    put(data, id_of(bank), 2);
    put(data, size_of(bank), 2);
  }
  data.push_back(0);
  offsets_.push_back(0);
  put(octets_, 0, 4);
  put(octets_, ev_no_action, 4);
  put(octets_, Bytes(20));
  put(octets_, data.size(), 4);
  put(octets_, data);
}

void BootLog::append(Entry entry) {
  offsets_.push_back(octets_.size());
  put(octets_, entry.pcr, 4);
  put(octets_, entry.type, 4);
  put(octets_, banks_.size(), 4);
  for (const std::string& bank : banks_) {
    put(octets_, id_of(bank), 2);
    put(octets_, entry.digests.empty() ? Bytes(size_of(bank)) : entry.digests[bank]);
  }
  put(octets_, entry.data.size(), 4);
  put(octets_, entry.data);
  entries_.push_back(std::move(entry));
}

BootLog& BootLog::measure_as(std::uint32_t pcr, std::uint32_t type, BytesView data,
                             BytesView measured) {
  Entry entry{pcr, type, to_bytes(data), {}};
  for (const std::string& bank : banks_) entry.digests[bank] = bank_digest(bank, measured);
  append(std::move(entry));
  return *this;
}

BootLog& BootLog::measure(std::uint32_t pcr, std::uint32_t type, BytesView data) {
  return measure_as(pcr, type, data, data);
}

BootLog& BootLog::image(std::uint32_t pcr, std::uint32_t type, std::string_view path,
                        std::string_view image) {
  return measure_as(pcr, type, image_load(path), as_bytes(image));
}

BootLog& BootLog::separator(std::uint32_t pcr) { return measure(pcr, ev_separator, Bytes(4)); }

BootLog& BootLog::secure_boot(bool on) { return variable("SecureBoot", Bytes{on}); }

BootLog& BootLog::variable(std::string_view name, BytesView content) {
  const Bytes guid = name == "db" || name == "dbx" ? image_security_guid() : efi_global_guid();
  return measure(7, ev_efi_variable_driver_config, efi_variable(guid, name, content));
}

BootLog& BootLog::grub_command(std::string_view text) {
  Bytes data = octets_of("grub_cmd: " + std::string(text));
  data.push_back(0);
  return measure_as(8, ev_ipl, data, as_bytes(text));
}

BootLog& BootLog::kernel_command_line(std::string_view text) {
  Bytes data = octets_of("kernel_cmdline: " + std::string(text));
  data.push_back(0);
  return measure_as(8, ev_ipl, data, as_bytes(text));
}

BootLog& BootLog::grub_file(std::string_view path, std::string_view content) {
  Bytes data = octets_of(path);
  data.push_back(0);
  return measure_as(9, ev_ipl, data, as_bytes(content));
}

BootLog& BootLog::no_action(BytesView data) {
  append({0, ev_no_action, to_bytes(data), {}});
  return *this;
}

BootLog& BootLog::startup_locality(std::uint8_t locality) {
  Bytes data = octets_of("StartupLocality");
  data.push_back(0);
  data.push_back(locality);
  locality_ = locality;
  return no_action(data);
}

BootLog& BootLog::raw(BytesView octets) {
  put(octets_, octets);
  return *this;
}

std::map<unsigned, Bytes> BootLog::pcrs(const std::string& bank,
                                        const std::vector<unsigned>& also) const {
  std::map<unsigned, Bytes> values;
  const auto initial = [&](unsigned pcr) {
    Bytes value(size_of(bank), pcr >= 17 && pcr <= 22 ? 0xFF : 0);
    if (pcr == 0) value.back() = locality_;
    return value;
  };
  for (const unsigned pcr : also) values.emplace(pcr, initial(pcr));
  for (const Entry& entry : entries_) {
    if (entry.digests.empty()) continue;
    const auto at = values.emplace(entry.pcr, initial(entry.pcr)).first;
    at->second = extended(bank, at->second, entry.digests.at(bank));
  }
  return values;
}

std::vector<std::pair<unsigned, std::map<std::string, Bytes>>> BootLog::extensions() const {
  std::vector<std::pair<unsigned, std::map<std::string, Bytes>>> told;
  for (const Entry& entry : entries_) {
    if (!entry.digests.empty()) told.emplace_back(entry.pcr, entry.digests);
  }
  return told;
}

Bytes BootLog::sha1_octets() const {
  Bytes out;
  for (const Entry& entry : entries_) {
    put(out, entry.pcr, 4);
    put(out, entry.type, 4);
    put(out, entry.digests.empty() ? Bytes(20) : entry.digests.at("sha1"));
    put(out, entry.data.size(), 4);
    put(out, entry.data);
  }
  return out;
}

BootLog BootLog::whole(std::string_view loader, bool secure, std::vector<std::string> banks) {
  BootLog log(std::move(banks));
  log.measure(0, ev_s_crtm_version, utf16("Test firmware 1.0"));
  log.measure_as(0, ev_efi_platform_firmware_blob, Bytes(16), as_bytes("firmware volume"));
  log.secure_boot(secure);
  log.variable("PK", {});
  log.variable("KEK", {});
  log.variable("db", {});
  log.variable("dbx", signature_list(cert_sha256_guid(), efi_global_guid(), {Bytes(32, 0xDB)}));
  log.separator(7);
  log.measure(4, ev_efi_action, "Calling EFI Application from Boot Option");
  for (unsigned pcr = 0; pcr < 7; ++pcr) log.separator(pcr);
  log.image(4, ev_efi_boot_services_application, "\\EFI\\BOOT\\BOOTX64.EFI", loader);
  log.grub_file("(hd0,gpt2)/grub/grub.cfg", "menuentry");
  log.grub_command("linux /vmlinuz root=/dev/vda2 ro");
  log.grub_file("/vmlinuz", "a kernel");
  log.kernel_command_line("/vmlinuz root=/dev/vda2 ro");
  log.measure(5, ev_efi_action, "Exit Boot Services Invocation");
  log.measure(5, ev_efi_action, "Exit Boot Services Returned with Success");
  return log;
}

}  // namespace mintmark::test
