#include "agent/ak_certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <charconv>
#include <memory>

#include "base/file.h"
#include "base/pem.h"

namespace mintmark::agent {
namespace {

using OwnedBio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using OwnedCertificate = std::unique_ptr<X509, decltype(&X509_free)>;

constexpr std::size_t longest_file = 64U << 10U;
constexpr std::size_t longest_chain = 8;
constexpr std::string_view nv = "nv:";

// Of handles the first octet is their kind (TPM 2.0 Part 2, 7.2).
constexpr std::uint32_t kind_of_nv = 0x01;
constexpr std::uint32_t kind_of_persistent = 0x81;

std::uint32_t handle_in(std::string_view text) {
  if (!text.starts_with("0x") && !text.starts_with("0X")) return 0;
  text.remove_prefix(2);
  std::uint32_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return end.ec == std::errc() && end.ptr == text.data() + text.size() ? value : 0;
}

Bytes der_of(X509* certificate) {
  std::uint8_t* encoded = nullptr;
  const int size = i2d_X509(certificate, &encoded);
  if (size <= 0) return {};
  Bytes der(encoded, encoded + size);
  OPENSSL_free(encoded);
  return der;
}

Result<AkCertificate> pem_in(const std::string& text, const std::string& file) {
  const OwnedBio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
  std::vector<Bytes> found;
  while (found.size() <= longest_chain) {
    const OwnedCertificate certificate(
        PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr), &X509_free);
    if (!certificate) break;
    found.push_back(der_of(certificate.get()));
  }
  ERR_clear_error();  // The end of the file is one to OpenSSL.
  if (found.empty() || found.size() > longest_chain) {
    return fail(Code::ak_certificate_malformed,
                file + ": not one to " + std::to_string(longest_chain) + " certificates");
  }
  AkCertificate read{std::move(found.front()), {}};
  read.chain.assign(std::make_move_iterator(found.begin() + 1),
                    std::make_move_iterator(found.end()));
  return read;
}

Result<AkCertificate> file_at(const std::string& file) {
  auto content = read_file(file, longest_file);
  if (!content) return pass_on(content);
  if (content->find("-----BEGIN ") != std::string::npos) return pem_in(*content, file);
  return AkCertificate{to_bytes(as_bytes(*content)), {}};
}

}  // namespace

bool is_nv_place(std::string_view place) { return place.starts_with(nv); }

Result<std::uint32_t> nv_index_in(std::string_view place) {
  const std::uint32_t index = is_nv_place(place) ? handle_in(place.substr(nv.size())) : 0;
  if (index >> 24U == kind_of_nv) return index;
  return fail(Code::invalid_argument,
              "an NV index is nv:0x01C101D0 or the like, not \"" + std::string(place) + "\"");
}

Result<std::uint32_t> persistent_handle_in(std::string_view text) {
  const std::uint32_t handle = handle_in(text);
  if (handle >> 24U == kind_of_persistent) return handle;
  return fail(Code::invalid_argument, "a key that persists is at 0x81000003 or the like, not \"" +
                                          std::string(text) + "\"");
}

Result<AkCertificate> read_ak_certificate(hsm::tpm2::Device& device, const std::string& place) {
  if (!is_nv_place(place)) return file_at(place);
  const auto index = nv_index_in(place);
  if (!index) return tl::unexpected<Error>(index.error());
  auto der = device.ak_certificate(*index);
  if (!der) return pass_on(der);
  return AkCertificate{std::move(*der), {}};
}

}  // namespace mintmark::agent
