#include "support/measured_boot.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include <fstream>
#include <memory>
#include <stdexcept>

#include "support/child_process.h"
#include "support/test_tls.h"

namespace mintmark::test {
namespace {

const std::vector<std::string> banks = {"sha1", "sha256", "sha384"};

Bytes certificate_der(const std::string& name) {
  const std::string pem = TestCa(name).certificate_pem();
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
  std::uint8_t* encoded = nullptr;
  const int size = certificate ? i2d_X509(certificate.get(), &encoded) : -1;
  if (size <= 0) throw std::runtime_error("no certificate for " + name);
  Bytes der(encoded, encoded + size);
  OPENSSL_free(encoded);
  return der;
}

Bytes joined(BytesView first, BytesView second) {
  Bytes both = to_bytes(first);
  both.insert(both.end(), second.begin(), second.end());
  return both;
}

// As tpm2_pcrextend takes it: "4:sha1=…,sha256=…".
std::string told(unsigned pcr, const std::map<std::string, Bytes>& digests) {
  std::string text = std::to_string(pcr) + ":";
  for (const auto& [bank, digest] : digests)
    text += (text.back() == ':' ? "" : ",") + bank + "=" + to_hex(digest);
  return text;
}

}  // namespace

MeasuredBoot::MeasuredBoot(std::string tcti, std::filesystem::path log, std::function<void()> reset)
    : tcti_(std::move(tcti)),
      log_(std::move(log)),
      reset_(std::move(reset)),
      platform_certificate_(certificate_der("Mintmark test platform key")),
      exchange_certificate_(certificate_der("Mintmark test key exchange key")),
      vendor_certificate_(certificate_der("Mintmark test boot vendor")),
      last_(banks) {}

void MeasuredBoot::boot(const BootRecipe& recipe) {
  reset_();
  last_ = log_of(recipe, true);
  tell_tpm(last_);
  const BootLog shown = log_of(recipe, !recipe.loader_left_out);
  std::ofstream file(log_, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(shown.octets().data()),
             static_cast<std::streamsize>(shown.octets().size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + log_.string());
}

void MeasuredBoot::measure_secure_boot(BootLog& log, const BootRecipe& recipe) const {
  const Bytes owner = efi_global_guid();
  log.secure_boot(recipe.secure_boot);
  log.variable("PK", signature_list(cert_x509_guid(), owner, {platform_certificate_}));
  log.variable("KEK", signature_list(cert_x509_guid(), owner, {exchange_certificate_}));
  log.variable("db", signature_list(cert_x509_guid(), owner, {vendor_certificate_}));
  log.variable("dbx", signature_list(cert_sha256_guid(), owner, recipe.dbx));
  log.separator(7);
}

BootLog MeasuredBoot::log_of(const BootRecipe& recipe, bool with_loader) const {
  BootLog log(banks);
  log.measure(0, ev_s_crtm_version, utf16(recipe.firmware));
  log.measure_as(0, ev_efi_platform_firmware_blob, Bytes(16), as_bytes(recipe.firmware));
  measure_secure_boot(log, recipe);
  log.measure(4, ev_efi_action, "Calling EFI Application from Boot Option");
  for (unsigned pcr = 0; pcr < 7; ++pcr) log.separator(pcr);
  // Without Secure Boot nobody vouches for an image (TCG PC Client PFP, 3.3.4.8).
  if (recipe.secure_boot) {
    log.measure(
        7, ev_efi_variable_authority,
        efi_variable(image_security_guid(), "db", joined(efi_global_guid(), vendor_certificate_)));
  }
  if (with_loader)
    log.image(4, ev_efi_boot_services_application, recipe.loader_path, recipe.loader);
  log.image(4, ev_efi_boot_services_application, "\\EFI\\debian\\grubx64.efi",
            recipe.second_loader);
  log.grub_file("(hd0,gpt2)/boot/grub/grub.cfg", "menuentry");
  log.grub_command("linux " + recipe.command_line);
  log.grub_file("/vmlinuz-6.1", recipe.kernel);
  log.kernel_command_line(recipe.command_line);
  log.measure(5, ev_efi_action, "Exit Boot Services Invocation");
  log.measure(5, ev_efi_action, "Exit Boot Services Returned with Success");
  return log;
}

void MeasuredBoot::tell_tpm(const BootLog& log) const {
  std::vector<std::string> line = {"tpm2_pcrextend"};
  for (const auto& [pcr, digests] : log.extensions()) line.push_back(told(pcr, digests));
  run(line, {{"TPM2TOOLS_TCTI", tcti_}});
}

void MeasuredBoot::extend(unsigned pcr, const std::string& what) const {
  std::map<std::string, Bytes> digests;
  for (const std::string& bank : banks) digests[bank] = bank_digest(bank, as_bytes(what));
  run({"tpm2_pcrextend", told(pcr, digests)}, {{"TPM2TOOLS_TCTI", tcti_}});
}

std::string MeasuredBoot::vendor_fingerprint() const { return to_hex(sha256(vendor_certificate_)); }

}  // namespace mintmark::test
