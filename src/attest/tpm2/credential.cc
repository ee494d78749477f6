#include "attest/tpm2/credential.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/secret.h"

namespace mintmark::attest::tpm2 {
namespace {

constexpr std::size_t longest_secret = 32;
// Part 1, 24.4 and B.4: OAEP's label holds the terminating zero.
constexpr std::array<char, 9> identity_label = {'I', 'D', 'E', 'N', 'T', 'I', 'T', 'Y', '\0'};

struct Free {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

struct Seed {
  Bytes value;
  Bytes encrypted;  // TPM2B_ENCRYPTED_SECRET
};

void append(Bytes& to, BytesView octets) { to.insert(to.end(), octets.begin(), octets.end()); }

void append_u32(Bytes& to, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    to.push_back(static_cast<std::uint8_t>(value >> shift & 0xFFU));
}

Bytes sized(BytesView octets) {
  Bytes out(2 + octets.size());
  out[0] = static_cast<std::uint8_t>(octets.size() >> 8U);
  out[1] = static_cast<std::uint8_t>(octets.size() & 0xFFU);
  std::copy(octets.begin(), octets.end(), out.begin() + 2);
  return out;
}

tl::unexpected<Error> unusable() {
  ERR_clear_error();
  return fail(Code::ek_key_unsupported, "the EK cannot be used for a credential");
}

Result<Seed> seed_for_rsa(const Hash& hash, EVP_PKEY* ek) {
  Seed seed{random_bytes(hash.size), {}};
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(ek, nullptr));
  void* label = OPENSSL_memdup(identity_label.data(), identity_label.size());
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), hash.md()) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), hash.md()) != 1 ||
      EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), label,
                                       static_cast<int>(identity_label.size())) != 1) {
    OPENSSL_free(label);
    return unusable();
  }
  std::size_t length = 0;
  if (EVP_PKEY_encrypt(context.get(), nullptr, &length, seed.value.data(), seed.value.size()) != 1)
    return unusable();
  Bytes encrypted(length);
  if (EVP_PKEY_encrypt(context.get(), encrypted.data(), &length, seed.value.data(),
                       seed.value.size()) != 1)
    return unusable();
  encrypted.resize(length);
  seed.encrypted = sized(encrypted);
  return seed;
}

// The uncompressed point's two halves.
struct Point {
  Bytes x;
  Bytes y;
};
Result<Point> point_of(const EVP_PKEY* key, std::size_t field) {
  std::size_t length = 0;
  Bytes point(1 + 2 * field);
  if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0, &length) != 1)
    return unusable();
  Bytes encoded(length);
  if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, encoded.data(), encoded.size(),
                                      &length) != 1)
    return unusable();
  if (length != point.size() || encoded[0] != 0x04) return unusable();
  return Point{Bytes(encoded.begin() + 1, encoded.begin() + 1 + static_cast<std::ptrdiff_t>(field)),
               Bytes(encoded.begin() + 1 + static_cast<std::ptrdiff_t>(field), encoded.end())};
}

Result<Seed> seed_for_ecc(const Hash& hash, EVP_PKEY* ek, const char* curve, std::size_t field) {
  const Owned<EVP_PKEY> ephemeral(EVP_EC_gen(curve));
  const Owned<EVP_PKEY_CTX> context(ephemeral ? EVP_PKEY_CTX_new(ephemeral.get(), nullptr)
                                              : nullptr);
  std::size_t length = field;
  Bytes z(field);
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), ek) != 1 ||
      EVP_PKEY_derive(context.get(), z.data(), &length) != 1 || length != field) {
    return unusable();
  }
  auto ours = point_of(ephemeral.get(), field);
  auto theirs = point_of(ek, field);
  if (!ours || !theirs) return unusable();
  // Part 1, C.6.4.
  Seed seed{kdfe(hash, z, "IDENTITY", ours->x, theirs->x, static_cast<unsigned>(hash.size * 8)),
            {}};
  wipe(z);
  Bytes point = sized(ours->x);
  append(point, sized(ours->y));
  seed.encrypted = sized(point);
  return seed;
}

bool encrypt_cfb(unsigned aes_bits, BytesView key, BytesView plain, Bytes& cipher_text) {
  const Owned<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
  const EVP_CIPHER* cipher = aes_bits == 128 ? EVP_aes_128_cfb128() : EVP_aes_256_cfb128();
  const std::array<std::uint8_t, 16> zero_iv{};
  int length = 0;
  cipher_text.resize(plain.size());
  return context &&
         EVP_EncryptInit_ex(context.get(), cipher, nullptr, key.data(), zero_iv.data()) == 1 &&
         EVP_EncryptUpdate(context.get(), cipher_text.data(), &length, plain.data(),
                           static_cast<int>(plain.size())) == 1;
}

}  // namespace

Bytes kdfa(const Hash& hash, BytesView key, std::string_view label, BytesView context_u,
           BytesView context_v, unsigned bits) {
  Bytes out;
  for (std::uint32_t counter = 1; out.size() * 8 < bits; ++counter) {
    Bytes input;
    append_u32(input, counter);
    append(input, as_bytes(label));
    input.push_back(0);
    append(input, context_u);
    append(input, context_v);
    append_u32(input, bits);
    append(out, hash.hmac(key, input));
  }
  out.resize(bits / 8);
  return out;
}

Bytes kdfe(const Hash& hash, BytesView z, std::string_view label, BytesView party_u,
           BytesView party_v, unsigned bits) {
  Bytes out;
  for (std::uint32_t counter = 1; out.size() * 8 < bits; ++counter) {
    Bytes input;
    append_u32(input, counter);
    append(input, z);
    append(input, as_bytes(label));
    input.push_back(0);
    append(input, party_u);
    append(input, party_v);
    append(out, hash.digest(input));
    wipe(input);
  }
  out.resize(bits / 8);
  return out;
}

Result<Bytes> seal_identity(const Hash& hash, unsigned aes_bits, BytesView seed,
                            BytesView object_name, BytesView secret) {
  if (secret.size() > longest_secret)
    return fail(Code::internal, "a credential's secret has at most 32 octets");
  Bytes storage_key = kdfa(hash, seed, "STORAGE", object_name, {}, aes_bits);
  Bytes plain = sized(secret);
  Bytes encrypted;
  const bool done = encrypt_cfb(aes_bits, storage_key, plain, encrypted);
  wipe(plain);
  wipe(storage_key);
  if (!done) return fail(Code::internal, "OpenSSL could not encrypt");

  Bytes mac_key = kdfa(hash, seed, "INTEGRITY", {}, {}, static_cast<unsigned>(hash.size * 8));
  Bytes covered = encrypted;
  append(covered, object_name);
  Bytes identity = sized(hash.hmac(mac_key, covered));
  wipe(mac_key);
  append(identity, encrypted);
  return sized(identity);
}

Result<Challenge> make_credential(EkKind kind, const EVP_PKEY& ek, BytesView object_name,
                                  BytesView secret) {
  // The hash and the cipher are the EK template's: nameAlg and symmetric of L-1/H-1, L-2/H-2, and
  // of H-3, H-6, H-7 (TCG EK Credential Profile, B.3, B.4).
  const bool small = kind == EkKind::rsa2048 || kind == EkKind::ecc_p256;
  const Hash& hash = small ? hashes[0] : hashes[1];
  const unsigned aes_bits = small ? 128 : 256;
  auto* key = const_cast<EVP_PKEY*>(&ek);  // OpenSSL counts references; it does not change the key.
  auto seed = is_rsa(kind)               ? seed_for_rsa(hash, key)
              : kind == EkKind::ecc_p256 ? seed_for_ecc(hash, key, "P-256", 32)
                                         : seed_for_ecc(hash, key, "P-384", 48);
  if (!seed) return pass_on(seed);
  auto blob = seal_identity(hash, aes_bits, seed->value, object_name, secret);
  wipe(seed->value);
  if (!blob) return pass_on(blob);
  return Challenge{std::move(*blob), std::move(seed->encrypted)};
}

}  // namespace mintmark::attest::tpm2
