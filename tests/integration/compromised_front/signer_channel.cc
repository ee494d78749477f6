#include "signer_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <future>

#include "attempts.h"
#include "hsm/signer/wire.h"
#include "ipc/channel.h"

namespace mintmark::test::compromised {
namespace {

namespace wire = hsm::signer;

constexpr std::chrono::seconds patience{10};
constexpr int patience_ms = 10'000;

template <typename T, typename Ask>
Result<T> answer_to(Ask ask) {
  auto given = std::make_shared<std::promise<Result<T>>>();
  auto future = given->get_future();
  ask([given](Result<T> outcome) { given->set_value(std::move(outcome)); });
  return future.get();
}

void put_length(Bytes& octets, std::uint32_t length) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    octets.push_back(static_cast<std::uint8_t>(length >> shift));
}

Bytes framed(BytesView content) {
  Bytes octets;
  put_length(octets, static_cast<std::uint32_t>(content.size()));
  octets.insert(octets.end(), content.begin(), content.end());
  return octets;
}

Bytes request(std::uint8_t type, std::uint64_t id, BytesView body) {
  wire::Writer writer;
  writer.u8(type).u64(id).u32(1000).octets(body);
  return framed(writer.frame());
}

Bytes longest_length() {
  Bytes octets;
  put_length(octets, 0x7FFFFFFF);
  return octets;
}

Bytes announcing_a_descriptor() {
  Bytes octets = request(2, 1, {});
  octets[3] |= 0x80U;
  return octets;
}

struct Malformed {
  const char* what;
  Bytes (*octets)();
};

// Each costs a life of the front, and mintd waits longer before each: all other kinds are in
// tests/unit/hsm_signer and tests/unit/ipc.
const std::array malformed{
    Malformed{"a frame of an unknown kind", [] { return request(9, 1, {}); }},
    Malformed{"a key's name that is cut off", [] { return request(1, 1, Bytes(7)); }},
    Malformed{"a length of 2 GiB", &longest_length},
    Malformed{"a descriptor that does not come", &announcing_a_descriptor},
};

/// Until the other side has ended it; false if it does not.
bool ends(int channel) {
  pollfd waiting{channel, POLLIN, 0};
  std::array<char, 4096> ignored{};
  while (poll(&waiting, 1, patience_ms) > 0) {
    const ssize_t got = recv(channel, ignored.data(), ignored.size(), 0);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return true;
    if (got < 0) return false;
  }
  return false;
}

hsm::SealedCredential some_credential() {
  hsm::SealedCredential credential;
  credential.ek_index = 0x01C00002;
  credential.credential_blob = Bytes(64, 1);
  credential.encrypted_secret = Bytes(256, 2);
  return credential;
}

}  // namespace

Result<Bytes> AskedSigner::sign(const hsm::KeyId& key, const std::string& input) const {
  return answer_to<Bytes>(
      [&](auto done) { client_->sign(key, input, Deadline::in(patience), std::move(done)); });
}

Result<std::vector<hsm::KeyInfo>> AskedSigner::list() const {
  return answer_to<std::vector<hsm::KeyInfo>>(
      [&](auto done) { client_->list(Deadline::in(patience), std::move(done)); });
}

void try_what_keepers_may(const AskedSigner& signer) {
  constexpr auto refused = Code::not_permitted;
  const auto keys = signer.list();
  tell_granted("signer", "list", keys);
  if (!keys) return;
  SignerClient& client = signer.client();
  for (const hsm::KeyInfo& key : *keys) {
    const std::string name = " " + std::string(hsm::name_of(key.purpose)) + " " + key.kid();
    tell_refused("signer", "destroy" + name, answer_to<void>([&](auto done) {
                   client.destroy(key.id, Deadline::in(patience), std::move(done));
                 }),
                 refused);
    tell_refused("signer", "evidence of" + name, answer_to<hsm::KeyEvidence>([&](auto done) {
                   client.evidence(key.id, Deadline::in(patience), std::move(done));
                 }),
                 refused);
  }
  for (const auto purpose : {hsm::Purpose::access_token, hsm::Purpose::event, hsm::Purpose::tls}) {
    const hsm::KeySpec spec{hsm::random_key_id(), purpose, jose::Algorithm::es256};
    tell_refused("signer", "generate " + std::string(hsm::name_of(purpose)),
                 answer_to<hsm::KeyInfo>([&](auto done) {
                   client.generate(spec, Deadline::in(patience), std::move(done));
                 }),
                 refused);
  }
  tell_refused("signer", "activate a credential", answer_to<Bytes>([&](auto done) {
                 client.activate(some_credential(), Deadline::in(patience), std::move(done));
               }),
               refused);
  tell_refused("signer", "attach another front", answer_to<void>([&](auto done) {
                 auto pair = ipc::make_socket_pair();
                 client.attach_front(std::move(pair->left), Deadline::in(patience),
                                     std::move(done));
               }),
               refused);
}

std::size_t count_of_malformed() { return malformed.size(); }

void try_malformed(std::size_t which, UniqueFd channel) {
  const Bytes octets = malformed.at(which).octets();
  const bool sent = send(channel.get(), octets.data(), octets.size(), MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(octets.size());
  const bool ended = sent && ends(channel.get());
  tell("frames", malformed.at(which).what, ended, ended ? "the channel ended" : "it went on");
}

void flood(UniqueFd channel, const hsm::KeyId& key) {
  constexpr std::chrono::seconds long_enough{2};
  const Bytes asked = request(1, 1, key);  // An empty signing input, refused each time.
  const Bytes listed = request(2, 2, {});
  fcntl(channel.get(), F_SETFL, O_NONBLOCK);
  const auto until = std::chrono::steady_clock::now() + long_enough;
  std::size_t frames = 0;
  bool open = true;
  while (open && std::chrono::steady_clock::now() < until) {
    const Bytes& next = frames % 16 == 0 ? listed : asked;
    std::size_t sent = 0;
    while (open && sent < next.size()) {
      const ssize_t part =
          send(channel.get(), next.data() + sent, next.size() - sent, MSG_NOSIGNAL);
      if (part > 0) sent += static_cast<std::size_t>(part);
      pollfd waiting{channel.get(), POLLOUT, 0};
      if (part < 0) open = errno == EAGAIN && poll(&waiting, 1, 100) >= 0;
      if (std::chrono::steady_clock::now() > until) break;
    }
    ++frames;
  }
  tell("frames", "flood without reading", true,
       std::to_string(frames) + " requests, then it let go; whether anybody minds shows after it");
}

}  // namespace mintmark::test::compromised
