// Any octets between the signer and those who ask it, from both sides: a front in strange hands
// never reaches more than its channel may, and whatever a signer answers, each call of its client
// is answered once.
#include "hsm/signer/client.h"
#include "hsm/signer/server.h"
#include "hsm/signer/wire.h"
#include "support/channel_ends.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

namespace wire = hsm::signer;
using hsm::KeyId;
using hsm::KeyInfo;
using hsm::Purpose;

const KeyInfo& held_key() {
  static const KeyInfo key{
      {1, 2, 3, 4},
      Purpose::access_token,
      *jose::PublicKey::from_jwk({{"kty", "EC"},
                                  {"crv", "P-256"},
                                  {"x", "G8fAud93NgCg8C_0bY1YqVZ5zNlkb-cNsGTQia7m0is"},
                                  {"y", "RK1gonvUKKQOCSHDwz3SiN9EijCqmXS4sDeRbc8RnL0"}}),
      ""};
  return key;
}

class StandingClock final : public Clock {
 public:
  [[nodiscard]] Moment now() const override { return from_unix(1'800'000'000); }
};

wire::PurposeRules access_tokens_alone() {
  return {.issuer = "https://issuer.example",
          .longest_life = {{Purpose::access_token, std::chrono::seconds(300)}}};
}

// Answers at once; counts what no front may have done, and looks again at what it is to sign.
class Store final : public hsm::Signer, public hsm::KeyAdmin, public hsm::EvidenceActivation {
 public:
  void sign(const KeyId& key, std::string input, Deadline /*deadline*/,
            hsm::Done<Bytes> done) override {
    require(key == held_key().id);
    require(wire::check_purpose(access_tokens_alone(), held_key(), input, StandingClock().now())
                .has_value());
    done(Bytes(64, 1));
  }
  void list(Deadline /*deadline*/, hsm::Done<std::vector<KeyInfo>> done) override {
    done(std::vector<KeyInfo>{held_key()});
  }
  void generate(const hsm::KeySpec& /*spec*/, Deadline /*deadline*/,
                hsm::Done<KeyInfo> done) override {
    ++forbidden;
    done(held_key());
  }
  void destroy(const KeyId& /*key*/, Deadline /*deadline*/, hsm::Done<void> done) override {
    ++forbidden;
    done({});
  }
  void evidence(const KeyId& /*key*/, Deadline /*deadline*/,
                hsm::Done<hsm::KeyEvidence> done) override {
    ++forbidden;
    done(hsm::KeyEvidence{"kind", Json::object()});
  }
  void activate(const hsm::SealedCredential& /*credential*/, Deadline /*deadline*/,
                hsm::Done<Bytes> done) override {
    ++forbidden;
    done(Bytes{1});
  }
  std::size_t forbidden = 0;
};

void run_until_quiet(boost::asio::io_context& io) {
  for (int idle = 0; idle < 2;) {
    io.restart();
    idle = io.poll() == 0 ? idle + 1 : 0;
  }
}

void shut(int socket) { require(shutdown(socket, SHUT_WR) == 0); }

std::string all_from(int socket) {
  std::string all;
  std::array<char, 4096> part{};
  while (true) {
    const auto count = recv(socket, part.data(), part.size(), MSG_DONTWAIT);
    if (count <= 0) return all;
    all.append(part.data(), static_cast<std::size_t>(count));
  }
}

// Everything that came back is whole frames, and each an answer.
void look_at_replies(std::string_view octets) {
  while (!octets.empty()) {
    require(octets.size() >= 4);
    std::uint32_t size = 0;
    for (unsigned i = 0; i < 4; ++i)
      size |= static_cast<std::uint32_t>(static_cast<unsigned char>(octets[i])) << 8U * i;
    require(octets.size() - 4 >= size);
    wire::Reader reader(as_bytes(octets.substr(4, size)));
    const auto head = wire::read_answer_head(reader);
    require(head.has_value());
    if (!head->outcome) require_told(head->outcome.error());
    octets.remove_prefix(4 + size);
  }
}

void serve_a_front(std::string_view octets) {
  boost::asio::io_context io;
  Store store;
  StandingClock clock;
  auto keeper = test::connected();
  auto front = test::connected();
  {
    wire::SignerServer server(io, store, store, access_tokens_alone(), clock, &store);
    server.serve(std::move(keeper.left), [](const Result<void>& /*how*/) {});
    const auto attach =
        wire::begin_request(wire::Request::attach, 1, Deadline::in(std::chrono::seconds(5)));
    test::send_raw(keeper.right.get(), test::framed(as_text(attach.frame()), test::with_descriptor),
                   {front.left.get()});
    front.left = UniqueFd();
    run_until_quiet(io);
    if (!octets.empty()) test::send_raw(front.right.get(), octets);
    shut(front.right.get());
    run_until_quiet(io);
    require(store.forbidden == 0);
    look_at_replies(all_from(front.right.get()));
    // The keeper's own channel was not harmed by it.
    const auto list =
        wire::begin_request(wire::Request::list, 2, Deadline::in(std::chrono::seconds(5)));
    (void)all_from(keeper.right.get());
    test::send_raw(keeper.right.get(), test::framed(as_text(list.frame())));
    run_until_quiet(io);
    const std::string answer = all_from(keeper.right.get());
    require(!answer.empty());
    look_at_replies(answer);
  }
  run_until_quiet(io);
}

std::string_view bounded(BytesView octets) {
  return as_text(octets.first(std::min<std::size_t>(octets.size(), 32U << 10U)));
}

// As they come by the socket, and as one frame.
void run_signer_front(BytesView octets) {
  serve_a_front(bounded(octets));
  serve_a_front(test::framed(bounded(octets)));
}

// Six calls, one of each kind; ids 1 to 6.
void answer_a_client(std::string_view octets) {
  boost::asio::io_context io;
  auto pair = test::connected();
  std::array<int, 6> answered{};
  {
    const auto client = wire::SignerClient::make(io, std::move(pair.left));
    const auto deadline = Deadline::in(std::chrono::seconds(60));
    const auto once = [&answered](std::size_t call) {
      return [&answered, call](const auto& /*result*/) { ++answered[call]; };
    };
    client->sign({}, "input", deadline, once(0));
    client->list(deadline, once(1));
    client->generate({}, deadline, once(2));
    client->destroy({}, deadline, once(3));
    client->evidence({}, deadline, once(4));
    client->activate({}, deadline, once(5));
    if (!octets.empty()) test::send_raw(pair.right.get(), octets);
    shut(pair.right.get());
    run_until_quiet(io);
    require(!client->connected());
  }
  run_until_quiet(io);
  for (const int count : answered) require(count == 1);
}

void run_signer_answer(BytesView octets) {
  answer_a_client(bounded(octets));
  answer_a_client(test::framed(bounded(octets)));
}

template <typename Read, typename Write>
void read_twice(BytesView octets, Read read, Write write) {
  wire::Reader reader(octets);
  const auto value = read(reader);
  if (!value) return;
  require(reader.ended());
  wire::Writer once;
  write(once, *value);
  wire::Reader again(once.frame());
  const auto same = read(again);
  require(same.has_value());
  wire::Writer twice;
  write(twice, *same);
  require(once.frame() == twice.frame());
}

void run_signer_body(BytesView octets) {
  read_twice(octets, wire::read_spec, wire::write_spec);
  read_twice(octets, wire::read_one_key, wire::write_key);
  read_twice(octets, wire::read_keys, wire::write_keys);
  read_twice(octets, wire::read_evidence, wire::write_evidence);
  read_twice(octets, wire::read_credential, wire::write_credential);
  wire::Reader request(octets);
  const auto head = wire::read_request_head(request);
  require(!head || octets.size() >= wire::request_head_size);
  wire::Reader answer(octets);
  const auto outcome = wire::read_answer_head(answer);
  require(!outcome || (octets.size() >= 10 && octets[0] == 128));
}

const Registered signer_targets{{"signer_front", &run_signer_front, {}, nullptr, 1000},
                                {"signer_answer", &run_signer_answer, {}, nullptr, 1000},
                                {"signer_body", &run_signer_body, {}, nullptr, 4000}};

}  // namespace
}  // namespace mintmark::fuzz
