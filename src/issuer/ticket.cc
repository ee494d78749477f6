#include "issuer/ticket.h"

#include <openssl/evp.h>

#include <array>
#include <cstring>
#include <memory>

#include "jose/base64url.h"

namespace mintmark::issuer {
namespace {

// Layout: version | key number | nonce[12] | ciphertext[8 + 32 + 32] | tag[16]; the first 14 octets
// are authenticated too.
constexpr std::uint8_t version = 1;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t head_size = 2 + nonce_size;
constexpr std::size_t body_size = 8 + 32 + 32;
constexpr std::size_t tag_size = 16;
constexpr std::size_t ticket_size = head_size + body_size + tag_size;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

CipherContext context() { return {EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free}; }

bool encrypt(const Secret& key, std::uint8_t* ticket, BytesView body) {
  const CipherContext cipher = context();
  int length = 0;
  std::uint8_t* out = ticket + head_size;
  return cipher &&
         EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.view().data(),
                            ticket + 2) == 1 &&
         EVP_EncryptUpdate(cipher.get(), nullptr, &length, ticket, head_size) == 1 &&
         EVP_EncryptUpdate(cipher.get(), out, &length, body.data(),
                           static_cast<int>(body.size())) == 1 &&
         EVP_EncryptFinal_ex(cipher.get(), out + length, &length) == 1 &&
         EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_size, out + body_size) == 1;
}

bool decrypt(const Secret& key, BytesView ticket, std::uint8_t* body) {
  const CipherContext cipher = context();
  int length = 0;
  std::array<std::uint8_t, tag_size> tag{};
  std::memcpy(tag.data(), ticket.data() + head_size + body_size, tag_size);
  return cipher &&
         EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.view().data(),
                            ticket.data() + 2) == 1 &&
         EVP_DecryptUpdate(cipher.get(), nullptr, &length, ticket.data(), head_size) == 1 &&
         EVP_DecryptUpdate(cipher.get(), body, &length, ticket.data() + head_size, body_size) ==
             1 &&
         EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()) == 1 &&
         EVP_DecryptFinal_ex(cipher.get(), body + length, &length) == 1;
}

Secret fresh_key() {
  Bytes random = random_bytes(32);
  return Secret::take(random);
}

}  // namespace

TicketSealer::TicketSealer(const Clock& clock) : clock_(clock) {
  present_ = {0, fresh_key(), clock.now()};
}

void TicketSealer::roll() {
  if (clock_.now() - present_.made < key_life) return;
  before_ = std::move(present_);
  present_ = {static_cast<std::uint8_t>(before_.number + 1), fresh_key(), clock_.now()};
}

void TicketSealer::begin_again() {
  const MutexLock lock(mutex_);
  present_ = {static_cast<std::uint8_t>(present_.number + 1), fresh_key(), clock_.now()};
  before_ = {};
}

std::string TicketSealer::seal(const Secret& secret, const Sha256& began_with) {
  const auto expires = static_cast<std::uint64_t>(to_unix(clock_.now() + life));
  std::array<std::uint8_t, body_size> body{};
  std::memcpy(body.data(), &expires, sizeof expires);
  std::memcpy(body.data() + 8, secret.view().data(), 32);
  std::memcpy(body.data() + 40, began_with.data(), began_with.size());

  std::array<std::uint8_t, ticket_size> ticket{};
  const Bytes nonce = random_bytes(nonce_size);
  std::memcpy(ticket.data() + 2, nonce.data(), nonce_size);
  ticket[0] = version;
  {
    const MutexLock lock(mutex_);
    roll();
    ticket[1] = present_.number;
    if (!encrypt(present_.value, ticket.data(), body))
      std::abort();  // AES-GCM with valid arguments cannot fail.
  }
  wipe(body);
  return jose::base64url(ticket);
}

Result<Ticket> TicketSealer::open(std::string_view text) {
  if (text.size() > 2 * ticket_size)
    return fail(Code::ticket_invalid, "the ticket is longer than any of ours");
  auto ticket = jose::from_base64url(text);
  if (!ticket || ticket->size() != ticket_size || (*ticket)[0] != version) {
    return fail(Code::ticket_invalid, "the ticket is not one of ours");
  }
  std::array<std::uint8_t, body_size> body{};
  {
    const MutexLock lock(mutex_);
    roll();
    const Key& key = (*ticket)[1] == present_.number ? present_ : before_;
    if (key.value.empty() || key.number != (*ticket)[1] ||
        !decrypt(key.value, *ticket, body.data())) {
      return fail(Code::ticket_invalid,
                  "the ticket was altered or is of an earlier run of the issuer; begin again");
    }
  }
  std::uint64_t expires = 0;
  std::memcpy(&expires, body.data(), sizeof expires);
  Ticket opened{
      Secret(BytesView(body).subspan(8, 32)), {}, from_unix(static_cast<std::int64_t>(expires))};
  std::memcpy(opened.began_with.data(), body.data() + 40, opened.began_with.size());
  wipe(body);
  if (clock_.now() >= opened.expires) {
    return fail(Code::ticket_expired,
                "the ticket was good for " + std::to_string(life.count()) + " s; begin again");
  }
  return opened;
}

}  // namespace mintmark::issuer
