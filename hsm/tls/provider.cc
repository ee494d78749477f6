#include "hsm/tls/provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "hsm/tls/signing.h"

// provider-keymgmt(7) and provider-signature(7) say what each function is given and gives; 1 is
// good, 0 is not. Nothing here may throw: OpenSSL's own frames stand between us and any handler.
namespace mintmark::hsm::tls {
namespace {

/// No message that a TLS key signs is longer (RFC 8446 §4.4.3: 146 octets).
constexpr std::size_t longest_message = 4096;

/// What OpenSSL asks of a key of one algorithm.
struct Traits {
  const char* group;
  int bits;
  int security_bits;     ///< NIST SP 800-57 part 1, table 2.
  std::size_t max_size;  ///< Of a signature in DER.
  const char* digest;
  std::array<const char*, 3> digest_names;
  /// AlgorithmIdentifier (RFC 5758 §3.2): ecdsa-with-SHA256, ecdsa-with-SHA384.
  std::array<unsigned char, 12> algorithm;
};

constexpr Traits p256{"prime256v1",
                      256,
                      128,
                      72,
                      "SHA256",
                      {"SHA256", "SHA2-256", "SHA-256"},
                      {0x30, 10, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2}};
constexpr Traits p384{"secp384r1",
                      384,
                      192,
                      104,
                      "SHA384",
                      {"SHA384", "SHA2-384", "SHA-384"},
                      {0x30, 10, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 3}};

/// OpenSSL's key data. Without a held key until it was imported.
struct Key {
  std::shared_ptr<const HeldKey> held;

  [[nodiscard]] const Traits& traits() const {
    return held->info.public_key.algorithm() == jose::Algorithm::es384 ? p384 : p256;
  }
};

const Key& key_of(const void* data) { return *static_cast<const Key*>(data); }

bool is_empty(const void* data) { return data == nullptr || key_of(data).held == nullptr; }

// ---- keys ----

void* new_key(void* /*provider*/) noexcept { return new Key; }

void free_key(void* data) noexcept { delete static_cast<Key*>(data); }

/// Both halves: the private one in its way.
int has(const void* data, int /*selection*/) noexcept { return is_empty(data) ? 0 : 1; }

int import_key(void* data, int /*selection*/, const OSSL_PARAM parameters[]) noexcept {
  const OSSL_PARAM* parameter = OSSL_PARAM_locate_const(parameters, held_key_parameter);
  const void* octets = nullptr;
  std::size_t size = 0;
  if (parameter == nullptr || OSSL_PARAM_get_octet_string_ptr(parameter, &octets, &size) != 1)
    return 0;
  const std::shared_ptr<const HeldKey>* pointer = nullptr;
  if (size != sizeof pointer) return 0;
  std::memcpy(&pointer, octets, size);
  static_cast<Key*>(data)->held = *pointer;
  return 1;
}

const OSSL_PARAM* import_types(int /*selection*/) noexcept {
  static const std::array<OSSL_PARAM, 2> types{
      OSSL_PARAM{held_key_parameter, OSSL_PARAM_OCTET_STRING, nullptr, 0, 0}, OSSL_PARAM_END};
  return types.data();
}

/// The public half, for the default provider to compare with a certificate's. There is no private
/// one to give, which is how OpenSSL learns that it must come here to sign.
int export_key(void* data, int selection, OSSL_CALLBACK* take, void* with) noexcept {
  if (is_empty(data) || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) return 0;
  const Key& key = key_of(data);
  Bytes point = key.held->info.public_key.to_point();
  std::string group = key.traits().group;
  std::array<OSSL_PARAM, 3> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size()),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  return take(parameters.data(), with);
}

const OSSL_PARAM* export_types(int selection) noexcept {
  static const std::array<OSSL_PARAM, 3> types{
      OSSL_PARAM{OSSL_PKEY_PARAM_GROUP_NAME, OSSL_PARAM_UTF8_STRING, nullptr, 0, 0},
      OSSL_PARAM{OSSL_PKEY_PARAM_PUB_KEY, OSSL_PARAM_OCTET_STRING, nullptr, 0, 0}, OSSL_PARAM_END};
  return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? nullptr : types.data();
}

bool fill_number(OSSL_PARAM parameters[], const char* name, int value) {
  OSSL_PARAM* parameter = OSSL_PARAM_locate(parameters, name);
  return parameter == nullptr || OSSL_PARAM_set_int(parameter, value) == 1;
}

bool fill_text(OSSL_PARAM parameters[], const char* name, const char* value) {
  OSSL_PARAM* parameter = OSSL_PARAM_locate(parameters, name);
  return parameter == nullptr || OSSL_PARAM_set_utf8_string(parameter, value) == 1;
}

int get_key_params(void* data, OSSL_PARAM parameters[]) noexcept {
  if (is_empty(data)) return 0;
  const Traits& traits = key_of(data).traits();
  const bool filled =
      fill_number(parameters, OSSL_PKEY_PARAM_BITS, traits.bits) &&
      fill_number(parameters, OSSL_PKEY_PARAM_SECURITY_BITS, traits.security_bits) &&
      fill_number(parameters, OSSL_PKEY_PARAM_MAX_SIZE, static_cast<int>(traits.max_size)) &&
      fill_text(parameters, OSSL_PKEY_PARAM_GROUP_NAME, traits.group) &&
      fill_text(parameters, OSSL_PKEY_PARAM_MANDATORY_DIGEST, traits.digest);
  return filled ? 1 : 0;
}

const OSSL_PARAM* gettable_key_params(void* /*provider*/) noexcept {
  static const std::array<OSSL_PARAM, 6> gettable{
      OSSL_PARAM{OSSL_PKEY_PARAM_BITS, OSSL_PARAM_INTEGER, nullptr, 0, 0},
      OSSL_PARAM{OSSL_PKEY_PARAM_SECURITY_BITS, OSSL_PARAM_INTEGER, nullptr, 0, 0},
      OSSL_PARAM{OSSL_PKEY_PARAM_MAX_SIZE, OSSL_PARAM_INTEGER, nullptr, 0, 0},
      OSSL_PARAM{OSSL_PKEY_PARAM_GROUP_NAME, OSSL_PARAM_UTF8_STRING, nullptr, 0, 0},
      OSSL_PARAM{OSSL_PKEY_PARAM_MANDATORY_DIGEST, OSSL_PARAM_UTF8_STRING, nullptr, 0, 0},
      OSSL_PARAM_END};
  return gettable.data();
}

const char* operation_name(int operation) noexcept {
  return operation == OSSL_OP_SIGNATURE ? "ECDSA" : nullptr;
}

// ---- signatures ----

struct Signing {
  std::shared_ptr<const HeldKey> key;
  const Traits* traits = nullptr;
  std::string message;
};

void* new_signing(void* /*provider*/, const char* /*properties*/) noexcept { return new Signing; }

void free_signing(void* data) noexcept { delete static_cast<Signing*>(data); }

/// EVP_DigestSignFinal signs with a copy.
void* copy_signing(void* data) noexcept { return new Signing(*static_cast<Signing*>(data)); }

int begin_signing(void* data, const char* digest, void* key_data,
                  const OSSL_PARAM /*parameters*/[]) noexcept {
  if (is_empty(key_data)) return 0;
  const Key& key = key_of(key_data);
  const Traits& traits = key.traits();
  // The signer hashes what it is given, with its algorithm's own hash and no other.
  const bool own_digest =
      digest == nullptr || *digest == '\0' ||
      std::any_of(traits.digest_names.begin(), traits.digest_names.end(),
                  [&](const char* name) { return strcasecmp(name, digest) == 0; });
  if (!own_digest) return 0;
  auto& signing = *static_cast<Signing*>(data);
  signing = {key.held, &traits, {}};
  return 1;
}

int add_to_message(void* data, const unsigned char* octets, std::size_t size) noexcept {
  auto& signing = *static_cast<Signing*>(data);
  if (size > longest_message - signing.message.size()) return 0;
  signing.message.append(reinterpret_cast<const char*>(octets), size);
  return 1;
}

int end_signing(void* data, unsigned char* signature, std::size_t* size,
                std::size_t capacity) noexcept {
  auto& signing = *static_cast<Signing*>(data);
  if (signing.key == nullptr) return 0;
  *size = signing.traits->max_size;
  if (signature == nullptr) return 1;
  const auto signed_octets = sign_and_wait(*signing.key, std::move(signing.message));
  signing.message.clear();
  if (!signed_octets || signed_octets->size() > capacity) return 0;
  std::copy(signed_octets->begin(), signed_octets->end(), signature);
  *size = signed_octets->size();
  return 1;
}

int sign_at_once(void* data, unsigned char* signature, std::size_t* size, std::size_t capacity,
                 const unsigned char* octets, std::size_t count) noexcept {
  auto& signing = *static_cast<Signing*>(data);
  signing.message.clear();
  if (signature != nullptr && add_to_message(data, octets, count) != 1) return 0;
  return end_signing(data, signature, size, capacity);
}

/// What a certificate says it was signed with, when one is signed.
int get_signing_params(void* data, OSSL_PARAM parameters[]) noexcept {
  const auto& signing = *static_cast<Signing*>(data);
  OSSL_PARAM* parameter = OSSL_PARAM_locate(parameters, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
  if (parameter == nullptr) return 1;
  if (signing.traits == nullptr) return 0;
  const auto& algorithm = signing.traits->algorithm;
  return OSSL_PARAM_set_octet_string(parameter, algorithm.data(), algorithm.size());
}

const OSSL_PARAM* gettable_signing_params(void* /*signing*/, void* /*provider*/) noexcept {
  static const std::array<OSSL_PARAM, 2> gettable{
      OSSL_PARAM{OSSL_SIGNATURE_PARAM_ALGORITHM_ID, OSSL_PARAM_OCTET_STRING, nullptr, 0, 0},
      OSSL_PARAM_END};
  return gettable.data();
}

// ---- the provider ----

template <typename Function>
OSSL_DISPATCH entry(int number, Function* function) {
  return {number, reinterpret_cast<void (*)()>(function)};
}
constexpr OSSL_DISPATCH no_more{0, nullptr};

const OSSL_DISPATCH* key_functions() {
  static const std::array functions{
      entry<OSSL_FUNC_keymgmt_new_fn>(OSSL_FUNC_KEYMGMT_NEW, new_key),
      entry<OSSL_FUNC_keymgmt_free_fn>(OSSL_FUNC_KEYMGMT_FREE, free_key),
      entry<OSSL_FUNC_keymgmt_has_fn>(OSSL_FUNC_KEYMGMT_HAS, has),
      entry<OSSL_FUNC_keymgmt_import_fn>(OSSL_FUNC_KEYMGMT_IMPORT, import_key),
      entry<OSSL_FUNC_keymgmt_import_types_fn>(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, import_types),
      entry<OSSL_FUNC_keymgmt_export_fn>(OSSL_FUNC_KEYMGMT_EXPORT, export_key),
      entry<OSSL_FUNC_keymgmt_export_types_fn>(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, export_types),
      entry<OSSL_FUNC_keymgmt_get_params_fn>(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_key_params),
      entry<OSSL_FUNC_keymgmt_gettable_params_fn>(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS,
                                                  gettable_key_params),
      entry<OSSL_FUNC_keymgmt_query_operation_name_fn>(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME,
                                                       operation_name),
      no_more};
  return functions.data();
}

const OSSL_DISPATCH* signature_functions() {
  static const std::array functions{
      entry<OSSL_FUNC_signature_newctx_fn>(OSSL_FUNC_SIGNATURE_NEWCTX, new_signing),
      entry<OSSL_FUNC_signature_freectx_fn>(OSSL_FUNC_SIGNATURE_FREECTX, free_signing),
      entry<OSSL_FUNC_signature_dupctx_fn>(OSSL_FUNC_SIGNATURE_DUPCTX, copy_signing),
      entry<OSSL_FUNC_signature_digest_sign_init_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT,
                                                     begin_signing),
      entry<OSSL_FUNC_signature_digest_sign_update_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE,
                                                       add_to_message),
      entry<OSSL_FUNC_signature_digest_sign_final_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL,
                                                      end_signing),
      entry<OSSL_FUNC_signature_digest_sign_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign_at_once),
      entry<OSSL_FUNC_signature_get_ctx_params_fn>(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS,
                                                   get_signing_params),
      entry<OSSL_FUNC_signature_gettable_ctx_params_fn>(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS,
                                                        gettable_signing_params),
      no_more};
  return functions.data();
}

// The names that OpenSSL knows EC keys by: libssl finds a key's place by them.
const OSSL_ALGORITHM* algorithms(void* /*provider*/, int operation, int* never_cached) noexcept {
  static const std::array keys{OSSL_ALGORITHM{"EC:id-ecPublicKey:1.2.840.10045.2.1",
                                              provider_properties, key_functions(), nullptr},
                               OSSL_ALGORITHM{nullptr, nullptr, nullptr, nullptr}};
  static const std::array signatures{
      OSSL_ALGORITHM{"ECDSA", provider_properties, signature_functions(), nullptr},
      OSSL_ALGORITHM{nullptr, nullptr, nullptr, nullptr}};
  *never_cached = 0;
  if (operation == OSSL_OP_KEYMGMT) return keys.data();
  if (operation == OSSL_OP_SIGNATURE) return signatures.data();
  return nullptr;
}

}  // namespace

int init_provider(const OSSL_CORE_HANDLE* /*core*/, const OSSL_DISPATCH* /*offered*/,
                  const OSSL_DISPATCH** functions, void** provider) {
  static const std::array ours{
      entry<OSSL_FUNC_provider_query_operation_fn>(OSSL_FUNC_PROVIDER_QUERY_OPERATION, algorithms),
      no_more};
  static int nothing = 0;
  *functions = ours.data();
  *provider = &nothing;
  return 1;
}

}  // namespace mintmark::hsm::tls
