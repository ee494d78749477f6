#include "support/android_chain.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "attest/android_key/key_chain.h"
#include "jose/base64url.h"

namespace mintmark::test {
namespace {

namespace android = attest::android_key;
using Key = std::shared_ptr<EVP_PKEY>;
using Name = std::vector<std::pair<const char*, std::string>>;
constexpr std::int64_t roots_from = 1'600'000'000;
constexpr std::int64_t roots_until = 2'400'000'000;

void require(bool held) {
  if (!held) throw std::runtime_error("OpenSSL cannot make a test's certificate");
}

Key new_key(AndroidAuthority::Keys keys) {
  Key key(keys == AndroidAuthority::Keys::p256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(1024),
          &EVP_PKEY_free);
  require(key != nullptr);
  return key;
}

struct Extension {
  std::string oid;
  Bytes content;
};

struct Content {
  Name subject;
  Name issuer;
  std::string serial = "1";  ///< Hexadecimal.
  std::int64_t from = roots_from;
  std::int64_t until = roots_until;
  EVP_PKEY* key = nullptr;
  const char* basic_constraints = nullptr;
  const char* key_usage = nullptr;
  std::vector<Extension> extensions = {};
};

void add_name(X509_NAME* to, const Name& name) {
  for (const auto& [type, value] : name)
    require(X509_NAME_add_entry_by_txt(to, type, MBSTRING_UTF8, as_bytes(value).data(),
                                       static_cast<int>(value.size()), -1, 0) == 1);
}

void add_standard(X509* certificate, int nid, const char* value) {
  if (value == nullptr) return;
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, value), &X509_EXTENSION_free);
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void add_extension(X509* certificate, const Extension& what) {
  const std::unique_ptr<ASN1_OBJECT, decltype(&ASN1_OBJECT_free)> object(
      OBJ_txt2obj(what.oid.c_str(), 1), &ASN1_OBJECT_free);
  const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> value(
      ASN1_OCTET_STRING_new(), &ASN1_OCTET_STRING_free);
  ASN1_OCTET_STRING_set(value.get(), what.content.data(), static_cast<int>(what.content.size()));
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 0, value.get()), &X509_EXTENSION_free);
  require(X509_add_ext(certificate, extension.get(), -1) == 1);
}

void set_serial(X509* certificate, const std::string& serial) {
  BIGNUM* number = nullptr;
  require(BN_hex2bn(&number, serial.c_str()) != 0);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
}

Bytes issue(const Content& of, EVP_PKEY* by) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  set_serial(certificate.get(), of.serial);
  add_name(X509_get_subject_name(certificate.get()), of.subject);
  add_name(X509_get_issuer_name(certificate.get()), of.issuer);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), of.from);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), of.until);
  X509_set_pubkey(certificate.get(), of.key);
  add_standard(certificate.get(), NID_basic_constraints, of.basic_constraints);
  add_standard(certificate.get(), NID_key_usage, of.key_usage);
  for (const Extension& extension : of.extensions) add_extension(certificate.get(), extension);
  require(X509_sign(certificate.get(), by, EVP_sha256()) > 0);
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509(certificate.get(), &octets);
  require(length > 0);
  Bytes der(octets, octets + length);
  OPENSSL_free(octets);
  return der;
}

Content authority(Name subject, Name issuer, EVP_PKEY* key) {
  Content content;
  content.subject = std::move(subject);
  content.issuer = std::move(issuer);
  content.key = key;
  content.basic_constraints = "critical,CA:TRUE";
  content.key_usage = "critical,keyCertSign";
  return content;
}

Name root_name(const std::string& name) { return {{"serialNumber", name}}; }
const Name leaf_name = {{"CN", "Android Keystore Key"}};

// Below the root, and below that.
Name upper_name(const AndroidDevice& device) {
  if (device.factory) return {{"serialNumber", "8087"}};
  return {{"O", "Example"}, {"CN", "Droid CA2"}};
}
Name lower_name() { return {{"O", "Example"}, {"CN", "Droid CA3"}}; }
Name batch_name(const AndroidDevice& device) {
  Name name = {{device.factory ? "serialNumber" : "CN", "b47c4"}};
  if (!device.level.empty()) name.emplace_back(device.factory ? "title" : "O", device.level);
  return name;
}

std::vector<Extension> extensions_at(const AndroidDevice& device, std::size_t position) {
  std::vector<Extension> extensions;
  const Bytes description =
      device.extension ? *device.extension : key_description_der(device.description);
  if ((position == 0 && device.attested) || device.attested_too == position)
    extensions.push_back({android::key_description_oid, description});
  if (position == 0 && device.extension_twice) extensions.push_back(extensions.back());
  const std::size_t information = device.provisioning_info.value_or(device.factory ? 99 : 1);
  if (position == information)
    extensions.push_back({android::provisioning_info_oid, {0xA1, 0x01, 0x05}});
  return extensions;
}

Content leaf_of(const AndroidDevice& device, EVP_PKEY* key) {
  Content leaf;
  leaf.subject = leaf_name;
  leaf.issuer = batch_name(device);
  leaf.from = device.leaf_from;
  leaf.until = device.leaf_until;
  leaf.key = key;
  leaf.key_usage = "critical,digitalSignature";
  leaf.extensions = extensions_at(device, 0);
  return leaf;
}

}  // namespace

AndroidAuthority::AndroidAuthority(Keys keys, std::string name)
    : name_(name.empty() ? to_hex(random_bytes(8)) : std::move(name)),
      root_key_(new_key(keys)),
      upper_key_(new_key(keys)),
      lower_key_(new_key(keys)),
      batch_key_(new_key(keys)),
      root_(
          issue(authority(root_name(name_), root_name(name_), root_key_.get()), root_key_.get())) {}

std::vector<Bytes> AndroidAuthority::chain(const AndroidDevice& device, BytesView spki) const {
  const std::uint8_t* at = spki.data();
  const Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())), &EVP_PKEY_free);
  require(key != nullptr);
  std::vector<Bytes> chain = {issue(leaf_of(device, key.get()), batch_key_.get())};
  const auto add = [&](Content content, EVP_PKEY* by) {
    content.from = device.authorities_from;
    content.until = device.authorities_until;
    content.extensions = extensions_at(device, chain.size());
    chain.push_back(issue(content, by));
  };
  const Name above = device.factory ? upper_name(device) : lower_name();
  Content batch = authority(batch_name(device), above, batch_key_.get());
  batch.serial = device.batch_serial;
  if (!device.batch_is_authority) {
    batch.basic_constraints = "critical,CA:FALSE";
    batch.key_usage = "critical,digitalSignature";
  }
  add(batch, device.factory ? upper_key_.get() : lower_key_.get());
  if (!device.factory)
    add(authority(lower_name(), upper_name(device), lower_key_.get()), upper_key_.get());
  add(authority(upper_name(device), root_name(name_), upper_key_.get()), root_key_.get());
  chain.push_back(root_);
  return chain;
}

std::vector<Bytes> AndroidAuthority::extended_chain(const AndroidDevice& device,
                                                    BytesView spki) const {
  const Key attested = new_key(Keys::p256);
  std::uint8_t* octets = nullptr;
  const int length = i2d_PUBKEY(attested.get(), &octets);
  require(length > 0);
  const Bytes own(octets, octets + length);
  OPENSSL_free(octets);
  std::vector<Bytes> all = chain(device, own);
  const std::uint8_t* at = spki.data();
  const Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())), &EVP_PKEY_free);
  require(key != nullptr);
  Content leaf = leaf_of(device, key.get());
  leaf.issuer = leaf_name;
  all.insert(all.begin(), issue(leaf, attested.get()));
  return all;
}

std::vector<Bytes> AndroidAuthority::stacked_chain(const AndroidDevice& device, BytesView spki,
                                                   const Name& above) const {
  const Key issuer = new_key(Keys::p256);
  const Key root = new_key(Keys::p256);
  const Name stranger = {{"CN", "Somebody"}};
  std::vector<Bytes> all = chain(device, spki);
  all.back() = issue(authority(root_name(name_), above, root_key_.get()), issuer.get());
  all.push_back(issue(authority(above, stranger, issuer.get()), root.get()));
  all.push_back(issue(authority(stranger, stranger, root.get()), root.get()));
  return all;
}

Bytes AndroidAuthority::renewed_root_der(const std::string& name) const {
  const Name own = root_name(name.empty() ? name_ : name);
  Content root = authority(own, own, root_key_.get());
  root.serial = "77";
  return issue(root, root_key_.get());
}

std::shared_ptr<const attest::x509::Trust> AndroidAuthority::trust() const {
  return trust_in({root_});
}

std::shared_ptr<const attest::x509::Trust> trust_in(const std::vector<Bytes>& roots) {
  std::vector<attest::x509::Certificate> anchors;
  for (const Bytes& root : roots) anchors.push_back(attest::x509::parse_certificate(root));
  return std::make_shared<const attest::x509::Trust>(
      attest::x509::Trust::from_certificates(std::move(anchors), {}).value());
}

Json chain_evidence(const std::vector<Bytes>& chain) {
  Json json = Json::array();
  for (const Bytes& der : chain) json.push_back(jose::base64url(der));
  return {{"chain", json}};
}

AndroidDevice AndroidMaker::bound_to(const Sha256& binding) const {
  AndroidDevice bound = device;
  bound.description["attestationChallenge"] = jose::base64(binding);
  return bound;
}

std::vector<Bytes> AndroidMaker::chain(const Sha256& binding, const jose::PublicKey& key) const {
  return authority.chain(bound_to(binding), key.to_spki());
}

Json AndroidMaker::evidence(const Sha256& binding, const jose::PublicKey& key) const {
  return chain_evidence(chain(binding, key));
}

Bytes AndroidMaker::root_pem() const {
  const std::string base64 = jose::base64(authority.root_der());
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  constexpr std::size_t columns = 64;
  for (std::size_t at = 0; at < base64.size(); at += columns)
    pem += base64.substr(at, columns) + "\n";
  return to_bytes(as_bytes(pem + "-----END CERTIFICATE-----\n"));
}

}  // namespace mintmark::test
