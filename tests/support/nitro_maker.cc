#include "support/nitro_maker.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "cbor/write.h"
#include "jose/base64url.h"

namespace mintmark::test {
namespace {

using Certificate = std::shared_ptr<X509>;
using Pair = std::shared_ptr<EVP_PKEY>;

Pair new_pair(const char* curve) { return {EVP_EC_gen(curve), &EVP_PKEY_free}; }

struct Content {
  const char* subject;
  EVP_PKEY* key;
  Moment not_before;
  Moment not_after;
  const char* basic_constraints;
  const char* key_usage;
  std::string alternative_name = {};
};

void add_extension(X509* certificate, int nid, const char* value, X509* issuer = nullptr) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  if (extension == nullptr || X509_add_ext(certificate, extension, -1) != 1)
    throw std::runtime_error("OpenSSL makes no extension");
  X509_EXTENSION_free(extension);
}

// Null for its own issuer.
Certificate issue(const Content& content, X509* issuer, EVP_PKEY* by) {
  static long serial = 100;
  Certificate certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(content.subject), -1, -1, 0);
  X509_set_issuer_name(certificate.get(),
                       X509_get_subject_name(issuer == nullptr ? certificate.get() : issuer));
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), to_unix(content.not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), to_unix(content.not_after));
  X509_set_pubkey(certificate.get(), content.key);
  add_extension(certificate.get(), NID_basic_constraints, content.basic_constraints);
  if (content.key_usage != nullptr)
    add_extension(certificate.get(), NID_key_usage, content.key_usage);
  if (!content.alternative_name.empty())
    add_extension(certificate.get(), NID_subject_alt_name, content.alternative_name.c_str());
  // Every maker's authorities have the same names: the keys tell them apart.
  add_extension(certificate.get(), NID_subject_key_identifier, "hash");
  if (issuer != nullptr)
    add_extension(certificate.get(), NID_authority_key_identifier, "keyid", issuer);
  if (X509_sign(certificate.get(), by, EVP_sha384()) <= 0)
    throw std::runtime_error("OpenSSL signs no certificate");
  return certificate;
}

Bytes der_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int length = i2d_X509(certificate, &der);
  Bytes octets(der, der + length);
  OPENSSL_free(der);
  return octets;
}

// ES384 or ES256 by the key's curve, r || s.
Bytes sign(EVP_PKEY* key, const Bytes& octets) {
  const bool p384 = EVP_PKEY_get_bits(key) == 384;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  Bytes der(static_cast<std::size_t>(EVP_PKEY_get_size(key)));
  std::size_t length = der.size();
  if (EVP_DigestSignInit(context.get(), nullptr, p384 ? EVP_sha384() : EVP_sha256(), nullptr,
                         key) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &length, octets.data(), octets.size()) != 1)
    throw std::runtime_error("OpenSSL makes no signature");
  der.resize(length);
  return jose::signature_from_der(p384 ? jose::Algorithm::es384 : jose::Algorithm::es256, der)
      .value();
}

Bytes optional_octets(const std::optional<Bytes>& octets) {
  return octets ? cbor::octets(*octets) : cbor::null();
}

const Moment made = from_unix(1'500'000'000);
const Moment far = from_unix(2'500'000'000);
constexpr const char* authority = "critical,CA:TRUE";
constexpr const char* authority_usage = "critical,keyCertSign,cRLSign,digitalSignature";

}  // namespace

NitroMaker::NitroMaker() {
  for (const char* subject : {"test.nitro-enclaves", "region.test", "zonal.test"}) {
    keys_.push_back(new_pair("P-384"));
    X509* issuer = chain_.empty() ? nullptr : chain_.back().get();
    EVP_PKEY* by = chain_.empty() ? keys_[0].get() : keys_[keys_.size() - 2].get();
    chain_.push_back(
        issue({subject, keys_.back().get(), made, far, authority, authority_usage}, issuer, by));
  }
  for (std::int64_t index = 0; index < 16; ++index)
    pcrs[index] = Bytes(48, static_cast<std::uint8_t>(index < 5 || index == 8 ? index + 1 : 0));
}

Certificate NitroMaker::leaf(EVP_PKEY* key) const {
  return issue({"i-0123456789abcdef0.test", key, at + begins, at + ends,
                leaf_is_ca ? authority : "critical,CA:FALSE", key_usage},
               chain_.back().get(), keys_.back().get());
}

Bytes NitroMaker::payload(X509* certificate) const {
  std::vector<Bytes> bundle;
  for (std::size_t i = bundle_from; i < bundle_to; ++i)
    bundle.push_back(cbor::octets(der_of(chain_[i].get())));
  cbor::Members registers;
  for (const auto& [index, value] : pcrs)
    registers.emplace_back(cbor::number(index), cbor::octets(value));
  std::map<std::string, Bytes> all = {{"module_id", cbor::text(module_id)},
                                      {"digest", cbor::text(digest)},
                                      {"timestamp", cbor::number(to_unix(at) * 1000 + 123)},
                                      {machine ? "nitrotpm_pcrs" : "pcrs", cbor::map(registers)},
                                      {"certificate", cbor::octets(der_of(certificate))},
                                      {"cabundle", cbor::array(bundle)},
                                      {"public_key", optional_octets(public_key)},
                                      {"user_data", optional_octets(user_data)},
                                      {"nonce", optional_octets(nonce)}};
  for (const auto& [name, value] : members) all[name] = value;
  if (left_out) all.erase(*left_out);
  cbor::Members written;
  for (const auto& [name, value] : all) written.emplace_back(cbor::text(name), value);
  return cbor::map(written);
}

Bytes NitroMaker::document() const {
  const Pair key = new_pair(curve);
  const Pair other = new_pair(curve);
  const Bytes content = payload(leaf(key.get()).get());
  const Bytes header = cbor::map({{cbor::number(1), cbor::number(algorithm)}});
  const Bytes signature =
      sign((by_another_key ? other : key).get(), cbor::sig_structure(header, content));
  const Bytes message = cbor::sign1(header, content, signature);
  return tagged ? cbor::tagged(18, message) : message;
}

Json NitroMaker::evidence(const Sha256& binding, const jose::PublicKey& /*key*/) {
  nonce = Bytes(binding.begin(), binding.end());
  return {{"document", jose::base64url(document())}};
}

Bytes NitroMaker::root_pem() const {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_X509(bio.get(), chain_[0].get());
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, text + length};
}

Bytes NitroMaker::carrier(const Bytes& document) const {
  const std::string names = "DNS:host.test,DNS:" + to_hex(document) + ".host.test";
  return der_of(issue({"host.test", keys_[2].get(), made, far, "critical,CA:FALSE",
                       "critical,digitalSignature", names},
                      chain_[2].get(), keys_[2].get())
                    .get());
}

}  // namespace mintmark::test
