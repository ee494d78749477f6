#include "support/webauthn_maker.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <tss2/tss2_mu.h>

#include <cstring>
#include <stdexcept>

#include "attest/webauthn/authenticator_data.h"
#include "attest/x509/certificate.h"
#include "jose/base64url.h"

namespace mintmark::test {
namespace {

constexpr const char* oid_basic_constraints = "2.5.29.19";
constexpr const char* oid_alternative_name = "2.5.29.17";
constexpr const char* oid_extended_usage = "2.5.29.37";
constexpr const char* oid_key_description = "1.3.6.1.4.1.11129.2.1.17";

void must(bool held, const char* what) {
  if (!held) throw std::runtime_error(what);
}

Bytes tagged(Bytes tag, const Bytes& content) {
  Bytes der = std::move(tag);
  if (content.size() >= 0x80) der.push_back(0x81);
  der.push_back(static_cast<std::uint8_t>(content.size()));
  return cbor::joined(std::move(der), content);
}

Bytes spki_of(EVP_PKEY* key) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_PUBKEY(key, &octets);
  must(length > 0, "spki");
  Bytes spki(octets, octets + length);
  OPENSSL_free(octets);
  return spki;
}

Bytes point_of(EVP_PKEY* key) { return jose::PublicKey::from_spki(spki_of(key))->to_point(); }

Bytes sign(EVP_PKEY* key, const EVP_MD* digest, BytesView octets) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  std::size_t length = 0;
  must(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
           EVP_DigestSign(context.get(), nullptr, &length, octets.data(), octets.size()) == 1,
       "sign");
  Bytes signature(length);
  must(EVP_DigestSign(context.get(), signature.data(), &length, octets.data(), octets.size()) == 1,
       "sign");
  signature.resize(length);
  return signature;
}

// RFC 9053 §7.1: an EC2 key on P-256.
Bytes cose_key(EVP_PKEY* key) {
  const Bytes point = point_of(key);
  const BytesView view(point);
  return cbor::map({{cbor::number(1), cbor::number(2)},
                    {cbor::number(3), cbor::number(-7)},
                    {cbor::number(-1), cbor::number(1)},
                    {cbor::number(-2), cbor::octets(view.subspan(1, 32))},
                    {cbor::number(-3), cbor::octets(view.subspan(33, 32))}});
}

template <typename T>
Bytes marshal(const T& value,
              TSS2_RC (*function)(const T*, std::uint8_t[], std::size_t, std::size_t*)) {
  Bytes out(4096);
  std::size_t length = 0;
  must(function(&value, out.data(), out.size(), &length) == TSS2_RC_SUCCESS, "marshal");
  out.resize(length);
  return out;
}

TPMT_PUBLIC area_of(EVP_PKEY* key) {
  TPMT_PUBLIC area{};
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                          TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                          TPMA_OBJECT_SIGN_ENCRYPT;
  TPMS_ECC_PARMS& parameters = area.parameters.eccDetail;
  parameters.symmetric.algorithm = TPM2_ALG_NULL;
  parameters.scheme.scheme = TPM2_ALG_NULL;
  parameters.curveID = TPM2_ECC_NIST_P256;
  parameters.kdf.scheme = TPM2_ALG_NULL;
  const Bytes point = point_of(key);
  area.unique.ecc.x.size = area.unique.ecc.y.size = 32;
  std::memcpy(area.unique.ecc.x.buffer, point.data() + 1, 32);
  std::memcpy(area.unique.ecc.y.buffer, point.data() + 33, 32);
  return area;
}

// Each has a name of its own, so that another's root is another issuer and no wrong signature.
std::shared_ptr<X509> authority(const std::string& name, const Pair& key, const Issuer& by,
                                std::vector<std::pair<std::string, Bytes>> extensions = {}) {
  IssuedCertificate of;
  of.subject = {{"CN", name + " " + jose::random_name(6)}};
  of.key = key;
  of.ca = true;
  of.key_usage = "critical,keyCertSign,cRLSign";
  of.extensions = std::move(extensions);
  of.not_before = from_unix(1'600'000'000);
  of.not_after = from_unix(2'100'000'000);
  return issue(of, by);
}

std::shared_ptr<const attest::x509::Trust> trust_in(const std::shared_ptr<X509>& root) {
  std::vector<attest::x509::Certificate> roots;
  X509_up_ref(root.get());
  roots.emplace_back(root.get());
  auto trust = attest::x509::Trust::from_certificates(std::move(roots), {});
  must(trust.has_value(), "trust");
  return std::make_shared<const attest::x509::Trust>(std::move(*trust));
}

}  // namespace

// [4] { manufacturer, model, version }.
Bytes tpm_names() {
  std::vector<Bytes> names;
  for (const auto& [oid, value] : {std::pair{"2.23.133.2.1", "id:4D494E54"},
                                   {"2.23.133.2.2", "Test TPM"},
                                   {"2.23.133.2.3", "id:00010002"}})
    names.push_back(
        tagged({0x31}, der_sequence({der_oid(oid), tagged({0x0C}, to_bytes(as_bytes(value)))})));
  return der_sequence({tagged({0xA4}, der_sequence(names))});
}

/// What a statement is made over.
struct WebAuthnMaker::Ceremony {
  Bytes auth_data;
  Sha256 client_hash{};

  [[nodiscard]] Bytes octets() const { return cbor::joined(auth_data, client_hash); }
};

WebAuthnMaker::WebAuthnMaker(std::string kind)
    : aaguid(kind == "packed" || kind == "self" || kind == "tpm"
                 ? *from_hex("a1b2c3d4e5f60718293a4b5c6d7e8f90")
                 : Bytes(16)),
      kind_(std::move(kind)),
      root_key_(new_pair("P-256")),
      intermediate_key_(new_pair("P-256")),
      attestation_key_(new_pair("P-256")),
      credential_(new_pair("P-256")),
      root_(authority("Test Authenticators Root", root_key_, {nullptr, root_key_})),
      intermediate_(authority("Test Authenticators", intermediate_key_, {root_, root_key_})) {}

Bytes WebAuthnMaker::auth_data() const {
  const Sha256 rp = sha256(rp_id);
  Bytes data = to_bytes(rp);
  data.push_back(flags);
  data = cbor::joined(std::move(data), Bytes{0, 0, 0, 7});
  if ((flags & 0x40U) != 0) {
    data = cbor::joined(std::move(data), aaguid);
    data.push_back(static_cast<std::uint8_t>(credential_id.size() >> 8U));
    data.push_back(static_cast<std::uint8_t>(credential_id.size()));
    data = cbor::joined(std::move(data), credential_id);
    data = cbor::joined(std::move(data), cose_key(credential_.get()));
  }
  data = cbor::joined(std::move(data), extensions);
  if (change_auth_data) change_auth_data(data);
  return data;
}

Pair WebAuthnMaker::attestation_key() const {
  static const Pair rsa = new_pair("RSA");  // Dear to generate.
  if (algorithm == -257 || algorithm == -65535) return rsa;
  return kind_ == "android-key" || kind_ == "apple" ? credential_ : attestation_key_;
}

IssuedCertificate WebAuthnMaker::leaf_for(const Ceremony& ceremony) const {
  IssuedCertificate leaf;
  leaf.key = leaf_is_of_another_key ? intermediate_key_ : attestation_key();
  leaf.key_usage = "critical,digitalSignature";
  leaf.serial = 7;
  leaf.extensions = {{oid_basic_constraints, der_sequence({})}};
  leaf.subject = {{"C", "SE"},
                  {"O", "Test Authenticators"},
                  {"OU", "Authenticator Attestation"},
                  {"CN", "Test Authenticator"}};
  if (kind_ == "packed")
    leaf.extensions.emplace_back("1.3.6.1.4.1.45724.1.1.4", der_octets(aaguid));
  if (kind_ == "tpm") {
    leaf.subject.clear();
    leaf.extensions.emplace_back(oid_extended_usage, der_sequence({der_oid("2.23.133.8.3")}));
    leaf.extensions.emplace_back(oid_alternative_name, tpm_names());
  }
  if (kind_ == "android-key") {
    leaf.subject = {{"CN", "Android Keystore Key"}};
    leaf.extensions = {{oid_key_description, android_description(ceremony.client_hash)}};
  }
  if (kind_ == "apple")
    leaf.extensions.emplace_back(
        "1.2.840.113635.100.8.2",
        der_sequence({tagged({0xA1}, der_octets(sha256(ceremony.octets())))}));
  if (change_leaf) change_leaf(leaf);
  return leaf;
}

Bytes WebAuthnMaker::x5c(const Ceremony& ceremony) const {
  // U2F has room for one certificate.
  const bool direct = kind_ == "fido-u2f";
  const auto intermediate =
      intermediate_is_attested
          ? authority("Attested", intermediate_key_, {root_, root_key_},
                      {{oid_key_description, android_description(ceremony.client_hash)}})
          : intermediate_;
  const auto leaf = issue(leaf_for(ceremony), direct ? Issuer{root_, root_key_}
                                                     : Issuer{intermediate, intermediate_key_});
  std::vector<Bytes> chain = {cbor::octets(der_of(leaf.get()))};
  if (!direct && with_intermediate) chain.push_back(cbor::octets(der_of(intermediate.get())));
  return cbor::array(chain);
}

cbor::Members WebAuthnMaker::tpm_statement(const Ceremony& ceremony) const {
  TPMT_PUBLIC area = area_of(credential_.get());
  if (change_area) change_area(area);
  const Bytes public_area = marshal(area, &Tss2_MU_TPMT_PUBLIC_Marshal);
  const EVP_MD* digest = algorithm == -65535 ? EVP_sha1() : EVP_sha256();
  TPMS_ATTEST certify{};
  certify.magic = TPM2_GENERATED_VALUE;
  certify.type = TPM2_ST_ATTEST_CERTIFY;
  const Bytes octets = ceremony.octets();
  unsigned length = 0;
  EVP_Digest(octets.data(), octets.size(), certify.extraData.buffer, &length, digest, nullptr);
  certify.extraData.size = static_cast<UINT16>(length);
  TPM2B_NAME& name = certify.attested.certify.name;
  const Sha256 hashed = sha256(public_area);
  name.size = 34;
  name.name[1] = TPM2_ALG_SHA256;
  std::memcpy(name.name + 2, hashed.data(), hashed.size());
  if (change_certify) change_certify(certify);
  const Bytes certified = marshal(certify, &Tss2_MU_TPMS_ATTEST_Marshal);
  return {{cbor::text("ver"), cbor::text("2.0")},
          {cbor::text("alg"), cbor::number(algorithm)},
          {cbor::text("sig"), cbor::octets(sign(attestation_key().get(), digest, certified))},
          {cbor::text("x5c"), x5c(ceremony)},
          {cbor::text("certInfo"), cbor::octets(certified)},
          {cbor::text("pubArea"), cbor::octets(public_area)}};
}

cbor::Members WebAuthnMaker::statement(const Ceremony& ceremony) const {
  if (kind_ == "none") return {};
  if (kind_ == "tpm") return tpm_statement(ceremony);
  if (kind_ == "apple") return {{cbor::text("x5c"), x5c(ceremony)}};
  if (kind_ == "fido-u2f") {
    Bytes octets{0};
    octets = cbor::joined(std::move(octets), sha256(rp_id));
    octets = cbor::joined(std::move(octets), ceremony.client_hash);
    octets = cbor::joined(std::move(octets), credential_id);
    octets = cbor::joined(std::move(octets), point_of(credential_.get()));
    return {{cbor::text("sig"), cbor::octets(sign(attestation_key_.get(), EVP_sha256(), octets))},
            {cbor::text("x5c"), x5c(ceremony)}};
  }
  const Pair key = kind_ == "self" ? credential_ : attestation_key();
  const EVP_MD* digest = algorithm == -65535 ? EVP_sha1() : EVP_sha256();
  cbor::Members members = {
      {cbor::text("alg"), cbor::number(algorithm)},
      {cbor::text("sig"), cbor::octets(sign(key.get(), digest, ceremony.octets()))}};
  if (kind_ != "self") members.emplace_back(cbor::text("x5c"), x5c(ceremony));
  return members;
}

WebAuthnMaker::Made WebAuthnMaker::make(BytesView challenge) const {
  Json client = {{"type", "webauthn.create"},
                 {"challenge", jose::base64url(challenge)},
                 {"origin", origin},
                 {"crossOrigin", false}};
  if (change_client) change_client(client);
  const std::string text = client.dump();
  const Ceremony ceremony{auth_data(), sha256(text)};
  cbor::Members members = statement(ceremony);
  if (change_statement) change_statement(members);
  return {cbor::map({{cbor::text("fmt"), cbor::text(kind_ == "self" ? "packed" : kind_)},
                     {cbor::text("attStmt"), cbor::map(members)},
                     {cbor::text("authData"), cbor::octets(ceremony.auth_data)}}),
          to_bytes(as_bytes(text))};
}

Json WebAuthnMaker::evidence_of(const Made& made) {
  return {{"attestation_object", jose::base64url(made.object)},
          {"client_data_json", jose::base64url(made.client)}};
}

Json WebAuthnMaker::evidence(const Sha256& binding, const jose::PublicKey& /*key*/) const {
  return evidence_of(make(binding));
}

Bytes WebAuthnMaker::root_pem() const { return to_bytes(as_bytes(pem_text_of(root_.get()))); }
Bytes WebAuthnMaker::root_der() const { return der_of(root_.get()); }
Bytes WebAuthnMaker::intermediate_der() const { return der_of(intermediate_.get()); }
std::shared_ptr<const attest::x509::Trust> WebAuthnMaker::trust() const { return trust_in(root_); }
Bytes WebAuthnMaker::credential_spki() const { return spki_of(credential_.get()); }

std::string WebAuthnMaker::key_identifier() const {
  const Bytes point = point_of(attestation_key_.get());
  Bytes digest(20);
  EVP_Digest(point.data(), point.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  return to_hex(digest);
}

Bytes android_description(BytesView challenge, unsigned level, unsigned origin, unsigned purpose,
                          bool all_applications) {
  const auto enumerated = [](unsigned value) {
    return Bytes{0x0A, 0x01, static_cast<std::uint8_t>(value)};
  };
  std::vector<Bytes> used = {tagged({0xA1}, tagged({0x31}, der_integer(purpose)))};
  if (all_applications) used.push_back(tagged({0xBF, 0x84, 0x58}, {0x05, 0x00}));
  used.push_back(tagged({0xBF, 0x85, 0x3E}, der_integer(origin)));
  const Bytes list = der_sequence(used);
  const Bytes none = der_sequence({});
  return der_sequence({der_integer(300), enumerated(level), der_integer(300), enumerated(level),
                       der_octets(challenge), der_octets({}), level == 0 ? list : none,
                       level == 0 ? none : list});
}

MetadataMaker::MetadataMaker()
    : payload({{"no", 7}, {"nextUpdate", "2030-01-01"}, {"entries", Json::array()}}),
      root_key_(new_pair("P-256")),
      signer_key_(new_pair("P-256")),
      root_(authority("Test Metadata Root", root_key_, {nullptr, root_key_})) {}

Json MetadataMaker::entry(const Bytes& aaguid, const std::vector<Bytes>& roots,
                          const std::vector<std::string>& statuses) {
  Json encoded = Json::array();
  for (const Bytes& root : roots) encoded.push_back(jose::base64(root));
  Json reports = Json::array();
  for (const std::string& status : statuses)
    reports.push_back({{"status", status}, {"effectiveDate", "2024-01-01"}});
  attest::webauthn::Aaguid model{};
  std::copy_n(aaguid.begin(), model.size(), model.begin());
  return {{"aaguid", attest::webauthn::uuid_of(model)},
          {"metadataStatement",
           {{"description", "Test Authenticator 5"}, {"attestationRootCertificates", encoded}}},
          {"statusReports", reports}};
}

std::string MetadataMaker::blob() const {
  IssuedCertificate leaf;
  leaf.subject = {{"CN", signer}};
  leaf.key = signer_key_;
  leaf.key_usage = "critical,digitalSignature";
  leaf.extensions = {
      {oid_alternative_name, der_sequence({tagged({0x82}, to_bytes(as_bytes(signer)))})}};
  if (change_signer) change_signer(leaf);
  const auto certificate = issue(leaf, {root_, root_key_});
  Json whole = header;
  if (!whole.contains("x5c")) whole["x5c"] = Json::array({jose::base64(der_of(certificate.get()))});
  const std::string text =
      jose::base64url(as_bytes(whole.dump())) + "." + jose::base64url(as_bytes(payload.dump()));
  const Pair key = by_another_key ? root_key_ : signer_key_;
  return text + "." + jose::base64url(sign_raw(key.get(), as_bytes(text)));
}

std::shared_ptr<const attest::x509::Trust> MetadataMaker::trust() const { return trust_in(root_); }
Bytes MetadataMaker::root_pem() const { return to_bytes(as_bytes(pem_text_of(root_.get()))); }

}  // namespace mintmark::test
