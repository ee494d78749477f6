#include "support/test_tpm.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <tss2/tss2_mu.h>

#include <cstring>
#include <stdexcept>

#include "attest/tpm2/signature.h"

namespace mintmark::test {
namespace {

using attest::tpm2::EkKind;

void must(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

std::shared_ptr<EVP_PKEY> own(EVP_PKEY* key) {
  must(key != nullptr, "key");
  return {key, &EVP_PKEY_free};
}

/// `issuer` counts for the authority key identifier alone.
void add_extension(X509* certificate, int nid, const char* value, X509* issuer = nullptr) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, value);
  X509_EXTENSION_free(extension);
}

void add_unknown_critical(X509* certificate) {
  ASN1_OBJECT* oid = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
  ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(value, reinterpret_cast<const unsigned char*>("\x05\x00"), 2);
  X509_EXTENSION* extension = X509_EXTENSION_create_by_OBJ(nullptr, oid, 1, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  ASN1_OCTET_STRING_free(value);
  ASN1_OBJECT_free(oid);
}

// TCG EK Credential Profile §3.2.9: a directory name with manufacturer, model and version.
void add_tpm_names(X509* certificate) {
  X509_NAME* name = X509_NAME_new();
  const std::pair<const char*, const char*> attributes[] = {{"2.23.133.2.1", "id:4D494E54"},
                                                            {"2.23.133.2.2", "Test TPM"},
                                                            {"2.23.133.2.3", "id:00010002"}};
  for (const auto& [oid, value] : attributes) {
    ASN1_OBJECT* object = OBJ_txt2obj(oid, 1);
    must(X509_NAME_add_entry_by_OBJ(name, object, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value), -1, -1, 0) == 1,
         oid);
    ASN1_OBJECT_free(object);
  }
  GENERAL_NAME* general = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(general, GEN_DIRNAME, name);
  GENERAL_NAMES* names = GENERAL_NAMES_new();
  sk_GENERAL_NAME_push(names, general);
  must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 1, X509V3_ADD_DEFAULT) == 1,
       "names");
  GENERAL_NAMES_free(names);
}

std::shared_ptr<X509> begin_certificate(long serial, EVP_PKEY* key, Moment not_before,
                                        Moment not_after) {
  std::shared_ptr<X509> certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), static_cast<time_t>(to_unix(not_before)));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), static_cast<time_t>(to_unix(not_after)));
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

void set_common_name(X509_NAME* name, const char* text) {
  X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(text), -1, -1, 0);
}

std::shared_ptr<X509> make_ca(EVP_PKEY* key, const char* subject, X509* issuer,
                              EVP_PKEY* issuer_key) {
  auto ca = begin_certificate(1, key, from_unix(1'600'000'000), from_unix(2'100'000'000));
  set_common_name(X509_get_subject_name(ca.get()), subject);
  X509_set_issuer_name(ca.get(), X509_get_subject_name(issuer == nullptr ? ca.get() : issuer));
  add_extension(ca.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  // Every test's CAs have the same names, as those of every swtpm have: the keys tell them apart.
  add_extension(ca.get(), NID_subject_key_identifier, "hash");
  if (issuer != nullptr) add_extension(ca.get(), NID_authority_key_identifier, "keyid", issuer);
  must(X509_sign(ca.get(), issuer_key, EVP_sha256()) > 0, "sign");
  return ca;
}

Bytes der_of(X509* certificate) {
  std::uint8_t* der = nullptr;
  const int length = i2d_X509(certificate, &der);
  must(length > 0, "i2d_X509");
  Bytes out(der, der + length);
  OPENSSL_free(der);
  return out;
}

std::string pem_of(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio, &text);
  std::string out(text, static_cast<std::size_t>(length));
  BIO_free(bio);
  return out;
}

TPMT_PUBLIC ecc_public(const SoftKey& key, TPMA_OBJECT attributes, TPM2_ALG_ID scheme) {
  TPMT_PUBLIC area{};
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = attributes;
  area.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
  area.parameters.eccDetail.scheme.scheme = scheme;
  if (scheme == TPM2_ALG_ECDSA)
    area.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
  area.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
  area.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
  const Bytes point = key.public_key().to_point();
  area.unique.ecc.x.size = area.unique.ecc.y.size = 32;
  std::memcpy(area.unique.ecc.x.buffer, point.data() + 1, 32);
  std::memcpy(area.unique.ecc.y.buffer, point.data() + 33, 32);
  return area;
}

template <typename T>
Bytes marshal(const T& value,
              TSS2_RC (*function)(const T*, std::uint8_t[], std::size_t, std::size_t*)) {
  Bytes out(8192);
  std::size_t length = 0;
  must(function(&value, out.data(), out.size(), &length) == TSS2_RC_SUCCESS, "marshal");
  out.resize(length);
  return out;
}

Bytes sized(BytesView octets) {
  Bytes out(2 + octets.size());
  out[0] = static_cast<std::uint8_t>(octets.size() >> 8U);
  out[1] = static_cast<std::uint8_t>(octets.size() & 0xFFU);
  std::copy(octets.begin(), octets.end(), out.begin() + 2);
  return out;
}

Bytes name_of(const TPMT_PUBLIC& area) {
  const Sha256 digest = sha256(marshal(area, &Tss2_MU_TPMT_PUBLIC_Marshal));
  Bytes name(2 + digest.size());
  name[1] = 0x0B;  // TPM2_ALG_SHA256
  std::copy(digest.begin(), digest.end(), name.begin() + 2);
  return name;
}

Bytes take_sized(BytesView& from) {
  must(from.size() >= 2, "size");
  const std::size_t size = static_cast<std::size_t>(from[0]) << 8U | from[1];
  must(from.size() >= 2 + size, "size");
  Bytes out = to_bytes(from.subspan(2, size));
  from = from.subspan(2 + size);
  return out;
}

Bytes rsa_decrypt(EVP_PKEY* key, const attest::tpm2::Hash& hash, BytesView secret) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new(key, nullptr), &EVP_PKEY_CTX_free);
  std::size_t length = 512;
  Bytes out(length);
  must(EVP_PKEY_decrypt_init(context.get()) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), hash.md()) == 1 &&
           EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), OPENSSL_memdup("IDENTITY", 9), 9) == 1 &&
           EVP_PKEY_decrypt(context.get(), out.data(), &length, secret.data(), secret.size()) == 1,
       "OAEP");
  out.resize(length);
  return out;
}

// Part 1, C.6.4: Z from the ephemeral point, then KDFe.
Bytes ecdh_seed(EVP_PKEY* key, const attest::tpm2::Hash& hash, BytesView point) {
  const Bytes x = take_sized(point);
  const Bytes y = take_sized(point);
  Bytes encoded{0x04};
  encoded.insert(encoded.end(), x.begin(), x.end());
  encoded.insert(encoded.end(), y.begin(), y.end());
  EVP_PKEY* peer = EVP_PKEY_new();
  must(EVP_PKEY_copy_parameters(peer, key) == 1 &&
           EVP_PKEY_set1_encoded_public_key(peer, encoded.data(), encoded.size()) == 1,
       "peer");
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new(key, nullptr), &EVP_PKEY_CTX_free);
  std::size_t length = x.size();
  Bytes z(length);
  must(EVP_PKEY_derive_init(context.get()) == 1 &&
           EVP_PKEY_derive_set_peer(context.get(), peer) == 1 &&
           EVP_PKEY_derive(context.get(), z.data(), &length) == 1,
       "ECDH");
  EVP_PKEY_free(peer);
  Bytes own_point(1 + 2 * x.size());
  must(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, own_point.data(),
                                       own_point.size(), &length) == 1,
       "point");
  return attest::tpm2::kdfe(hash, z, "IDENTITY", x, BytesView(own_point).subspan(1, x.size()),
                            static_cast<unsigned>(hash.size * 8));
}

}  // namespace

TestAuthority::TestAuthority()
    : root_key_(own(EVP_EC_gen("P-256"))),
      intermediate_key_(own(EVP_EC_gen("P-256"))),
      root_(make_ca(root_key_.get(), "Test TPM root", nullptr, root_key_.get())),
      intermediate_(
          make_ca(intermediate_key_.get(), "Test TPM issuer", root_.get(), root_key_.get())) {}

attest::tpm2::EkTrust TestAuthority::trust(bool with_intermediate) const {
  std::vector<attest::tpm2::Certificate> roots;
  std::vector<attest::tpm2::Certificate> intermediates;
  roots.emplace_back(X509_dup(root_.get()));
  if (with_intermediate) intermediates.emplace_back(X509_dup(intermediate_.get()));
  auto trust = attest::tpm2::EkTrust::from_certificates(std::move(roots), std::move(intermediates));
  must(trust.has_value(), "trust");
  return std::move(*trust);
}

Bytes TestAuthority::intermediate_der() const { return der_of(intermediate_.get()); }
std::string TestAuthority::root_fingerprint() const {
  unsigned char* der = nullptr;
  const int size = i2d_X509(root_.get(), &der);
  if (size <= 0) throw std::runtime_error("i2d_X509");
  std::string fingerprint = to_hex(sha256(BytesView(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return fingerprint;
}

std::string TestAuthority::root_pem() const { return pem_of(root_.get()); }
std::string TestAuthority::intermediate_pem() const { return pem_of(intermediate_.get()); }

attest::x509::Trust::Parts TestAuthority::parts(attest::x509::RootRule rule) const {
  attest::x509::Trust::Parts parts;
  parts.anchors.push_back({attest::x509::Certificate(X509_dup(root_.get())), rule});
  parts.intermediates.emplace_back(X509_dup(intermediate_.get()));
  return parts;
}

Bytes TestAuthority::certify_ak(const TPMT_PUBLIC& ak, const AkCertificateOptions& options) const {
  const auto key = attest::tpm2::openssl_key_of(ak);
  must(key != nullptr, "AK");
  auto certificate = begin_certificate(2, key.get(), from_unix(1'700'000'000), options.not_after);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(intermediate_.get()));
  add_extension(certificate.get(), NID_basic_constraints, options.basic_constraints);
  if (options.key_usage != nullptr)
    add_extension(certificate.get(), NID_key_usage, options.key_usage);
  if (options.extended_key_usage != nullptr)
    add_extension(certificate.get(), NID_ext_key_usage, options.extended_key_usage);
  add_extension(certificate.get(), NID_authority_key_identifier, "keyid", intermediate_.get());
  must(X509_sign(certificate.get(), intermediate_key_.get(), EVP_sha256()) > 0, "sign");
  return der_of(certificate.get());
}

attest::x509::Crl TestAuthority::crl(const std::vector<long>& revoked, Moment next_update) const {
  attest::x509::Crl crl(X509_CRL_new());
  X509_CRL_set_version(crl.get(), 1);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(intermediate_.get()));
  ASN1_TIME* time = ASN1_TIME_set(nullptr, 1'700'000'000);
  X509_CRL_set1_lastUpdate(crl.get(), time);
  ASN1_TIME_set(time, static_cast<time_t>(to_unix(next_update)));
  X509_CRL_set1_nextUpdate(crl.get(), time);
  for (const long serial : revoked) {
    X509_REVOKED* one = X509_REVOKED_new();
    ASN1_INTEGER* number = ASN1_INTEGER_new();
    ASN1_INTEGER_set(number, serial);
    ASN1_TIME_set(time, 1'700'000'000);
    X509_REVOKED_set_serialNumber(one, number);
    X509_REVOKED_set_revocationDate(one, time);
    X509_CRL_add0_revoked(crl.get(), one);
    ASN1_INTEGER_free(number);
  }
  ASN1_TIME_free(time);
  must(X509_CRL_sign(crl.get(), intermediate_key_.get(), EVP_sha256()) > 0, "CRL");
  return crl;
}

Bytes TestAuthority::certify(EVP_PKEY* ek, bool rsa, const EkCertificate& options) const {
  auto certificate = begin_certificate(2, ek, options.not_before, options.not_after);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(intermediate_.get()));
  add_extension(certificate.get(), NID_basic_constraints,
                options.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (options.key_usage)
    add_extension(certificate.get(), NID_key_usage,
                  rsa ? "critical,keyEncipherment" : "critical,keyAgreement");
  if (!options.key_usage)
    add_extension(certificate.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(certificate.get(), NID_ext_key_usage,
                options.extended_key_usage ? "2.23.133.8.1" : "2.23.133.8.3");
  add_extension(certificate.get(), NID_authority_key_identifier, "keyid", intermediate_.get());
  if (options.names) add_tpm_names(certificate.get());
  if (options.unknown_critical) add_unknown_critical(certificate.get());
  must(X509_sign(certificate.get(), intermediate_key_.get(), EVP_sha256()) > 0, "sign");
  Bytes der = der_of(certificate.get());
  if (options.corrupt_signature) der.back() ^= 1U;
  return der;
}

namespace {

EVP_PKEY* make_ek(EkKind kind) {
  switch (kind) {
    case EkKind::rsa2048:
      return EVP_RSA_gen(2048);
    case EkKind::rsa3072:
      return EVP_RSA_gen(3072);
    case EkKind::rsa4096:
      return EVP_RSA_gen(4096);
    case EkKind::ecc_p256:
      return EVP_EC_gen("P-256");
    default:
      return EVP_EC_gen("P-384");
  }
}

// The templates with SHA-256 and AES-128.
bool small(EkKind kind) { return kind == EkKind::rsa2048 || kind == EkKind::ecc_p256; }

}  // namespace

TestTpm::TestTpm(const TestAuthority& authority, EkKind kind, const EkCertificate& certificate)
    : kind_(kind),
      ek_(own(make_ek(kind))),
      ek_certificate_(authority.certify(ek_.get(), is_rsa(kind), certificate)) {
  constexpr TPMA_OBJECT fixed = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH;
  ak = ecc_public(ak_key_, fixed | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT,
                  TPM2_ALG_ECDSA);
  device = ecc_public(device_key_, fixed | TPMA_OBJECT_SIGN_ENCRYPT, TPM2_ALG_NULL);
  std::uint8_t* spki = nullptr;
  const int length = i2d_PUBKEY(ek_.get(), &spki);
  must(length > 0, "spki");
  ek_spki_.assign(spki, spki + length);
  OPENSSL_free(spki);
  for (unsigned index = 0; index < 24; ++index)
    pcrs[index] = Bytes(32, static_cast<std::uint8_t>(index));
}

Bytes TestTpm::ak_name() const { return name_of(ak); }
Bytes TestTpm::device_name() const { return name_of(device); }

attest::tpm2::Presented TestTpm::presented() const {
  attest::tpm2::Presented presented;
  presented.ek_certificate = ek_certificate_;
  presented.ak_public = sized(marshal(ak, &Tss2_MU_TPMT_PUBLIC_Marshal));
  presented.device_public = sized(marshal(device, &Tss2_MU_TPMT_PUBLIC_Marshal));
  return presented;
}

Bytes TestTpm::activate(const attest::tpm2::Challenge& challenge) const {
  const attest::tpm2::Hash& hash = small(kind_) ? attest::tpm2::hashes[0] : attest::tpm2::hashes[1];
  const unsigned aes_bits = small(kind_) ? 128 : 256;
  BytesView encrypted_secret = challenge.encrypted_secret;
  const Bytes inner = take_sized(encrypted_secret);
  const Bytes seed =
      is_rsa(kind_) ? rsa_decrypt(ek_.get(), hash, inner) : ecdh_seed(ek_.get(), hash, inner);

  BytesView blob_view = challenge.credential_blob;
  const Bytes identity = take_sized(blob_view);
  BytesView rest = identity;
  const Bytes mac = take_sized(rest);
  Bytes covered = to_bytes(rest);
  const Bytes name = ak_name();
  covered.insert(covered.end(), name.begin(), name.end());
  const Bytes mac_key =
      attest::tpm2::kdfa(hash, seed, "INTEGRITY", {}, {}, static_cast<unsigned>(hash.size * 8));
  must(hash.hmac(mac_key, covered) == mac, "the credential is not for this object");

  const Bytes key = attest::tpm2::kdfa(hash, seed, "STORAGE", name, {}, aes_bits);
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(
      EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  const std::uint8_t zero_iv[16] = {};
  Bytes plain(rest.size());
  int length = 0;
  must(EVP_DecryptInit_ex(context.get(),
                          aes_bits == 128 ? EVP_aes_128_cfb128() : EVP_aes_256_cfb128(), nullptr,
                          key.data(), zero_iv) == 1 &&
           EVP_DecryptUpdate(context.get(), plain.data(), &length, rest.data(),
                             static_cast<int>(rest.size())) == 1,
       "CFB");
  BytesView view = plain;
  return take_sized(view);
}

TPMS_ATTEST TestTpm::attest_of(TPM2_ST type, BytesView binding) const {
  TPMS_ATTEST attest{};
  attest.magic = TPM2_GENERATED_VALUE;
  attest.type = type;
  attest.extraData.size = static_cast<UINT16>(binding.size());
  std::memcpy(attest.extraData.buffer, binding.data(), binding.size());
  attest.clockInfo.resetCount = 3;
  attest.clockInfo.safe = TPM2_YES;
  attest.firmwareVersion = 0x20191023;
  return attest;
}

Bytes TestTpm::signature_over(BytesView octets) const {
  const Bytes raw = ak_key_.sign(octets);
  TPMT_SIGNATURE signature{};
  signature.sigAlg = TPM2_ALG_ECDSA;
  signature.signature.ecdsa.hash = TPM2_ALG_SHA256;
  signature.signature.ecdsa.signatureR.size = signature.signature.ecdsa.signatureS.size = 32;
  std::memcpy(signature.signature.ecdsa.signatureR.buffer, raw.data(), 32);
  std::memcpy(signature.signature.ecdsa.signatureS.buffer, raw.data() + 32, 32);
  if (after_signing) after_signing(signature);
  return marshal(signature, &Tss2_MU_TPMT_SIGNATURE_Marshal);
}

attest::tpm2::Answer TestTpm::answer(const attest::tpm2::Challenge& challenge, BytesView binding,
                                     const attest::tpm2::PcrSelection& asked) const {
  attest::tpm2::Answer opened = answer(binding, asked);
  opened.activation_secret = activate(challenge);
  return opened;
}

void TestTpm::certify_creation(attest::tpm2::Answer& answer, BytesView binding) const {
  TPMS_CREATION_DATA creation{};
  creation.locality = 1;
  creation.parentNameAlg = TPM2_ALG_SHA256;
  answer.creation_data = marshal(creation, &Tss2_MU_TPMS_CREATION_DATA_Marshal);
  TPMS_ATTEST certify = attest_of(TPM2_ST_ATTEST_CREATION, binding);
  const Bytes name = device_name();
  TPMS_CREATION_INFO& info = certify.attested.creation;
  info.objectName.size = static_cast<UINT16>(name.size());
  std::memcpy(info.objectName.name, name.data(), name.size());
  const Sha256 digest = sha256(answer.creation_data);
  info.creationHash.size = static_cast<UINT16>(digest.size());
  std::memcpy(info.creationHash.buffer, digest.data(), digest.size());
  if (before_certify) before_certify(certify);
  answer.certify_attest = marshal(certify, &Tss2_MU_TPMS_ATTEST_Marshal);
  answer.certify_signature = signature_over(answer.certify_attest);
}

attest::tpm2::Answer TestTpm::answer(BytesView binding,
                                     const attest::tpm2::PcrSelection& asked) const {
  attest::tpm2::Answer answer;
  TPMS_ATTEST certify = attest_of(TPM2_ST_ATTEST_CERTIFY, binding);
  const Bytes name = device_name();
  certify.attested.certify.name.size = static_cast<UINT16>(name.size());
  std::memcpy(certify.attested.certify.name.name, name.data(), name.size());
  if (before_certify) before_certify(certify);
  answer.certify_attest = marshal(certify, &Tss2_MU_TPMS_ATTEST_Marshal);
  answer.certify_signature = signature_over(answer.certify_attest);

  TPMS_ATTEST quote = attest_of(TPM2_ST_ATTEST_QUOTE, binding);
  TPML_PCR_SELECTION& selection = quote.attested.quote.pcrSelect;
  selection.count = 1;
  selection.pcrSelections[0].hash = TPM2_ALG_SHA256;
  selection.pcrSelections[0].sizeofSelect = 3;
  Bytes values;
  for (const unsigned index : asked.indexes) {
    selection.pcrSelections[0].pcrSelect[index / 8] =
        static_cast<BYTE>(selection.pcrSelections[0].pcrSelect[index / 8] | 1U << index % 8);
    answer.pcrs[index] = pcrs.at(index);
    values.insert(values.end(), pcrs.at(index).begin(), pcrs.at(index).end());
  }
  const Sha256 digest = sha256(values);
  quote.attested.quote.pcrDigest.size = static_cast<UINT16>(digest.size());
  std::memcpy(quote.attested.quote.pcrDigest.buffer, digest.data(), digest.size());
  if (before_quote) before_quote(quote);
  answer.quote_attest = marshal(quote, &Tss2_MU_TPMS_ATTEST_Marshal);
  answer.quote_signature = signature_over(answer.quote_attest);
  return answer;
}

}  // namespace mintmark::test
