#include "attest/nitro/carrier.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "attest/x509/extension.h"
#include "base/pem.h"

namespace mintmark::attest::nitro {
namespace {

constexpr std::size_t shortest_document = 512;
constexpr int most_names = 32;

x509::Certificate read(BytesView content) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(content.data(), static_cast<int>(content.size())), &BIO_free);
  if (x509::Certificate pem{PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)})
    return pem;
  const std::uint8_t* at = content.data();
  x509::Certificate der{d2i_X509(nullptr, &at, static_cast<long>(content.size()))};
  return at == content.data() + content.size() ? std::move(der) : nullptr;
}

std::optional<Bytes> document_of(const ASN1_STRING* name) {
  std::string_view text =
      as_text({ASN1_STRING_get0_data(name), static_cast<std::size_t>(ASN1_STRING_length(name))});
  text = text.substr(0, text.find('.'));
  if (text.size() < 2 * shortest_document) return std::nullopt;
  auto octets = from_hex(text);
  if (!octets) return std::nullopt;
  return std::move(*octets);
}

}  // namespace

std::optional<Bytes> document_in(BytesView certificate) {
  if (certificate.empty() || certificate.size() > longest_carrier) return std::nullopt;
  const x509::Certificate carrier = read(certificate);
  ERR_clear_error();
  if (!carrier) return std::nullopt;
  const auto names = x509::extension<GENERAL_NAMES>(carrier.get(), NID_subject_alt_name);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()) && i < most_names; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    if (auto document = document_of(name->d.dNSName)) return document;
  }
  return std::nullopt;
}

}  // namespace mintmark::attest::nitro
