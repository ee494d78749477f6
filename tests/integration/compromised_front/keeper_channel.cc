#include "keeper_channel.h"

#include "attempts.h"

namespace mintmark::test::compromised {
namespace {

constexpr std::chrono::seconds patience{30};

}  // namespace

KeeperChannel::KeeperChannel(boost::asio::io_context& io, UniqueFd socket)
    : channel_(ipc::Channel::make(io, std::move(socket))) {
  channel_->start(
      [this](BytesView frame, UniqueFd descriptor) { received(frame, std::move(descriptor)); },
      [this](const std::string& /*why*/) {
        const std::lock_guard lock(mutex_);
        over_ = true;
        changed_.notify_all();
      });
}

void KeeperChannel::received(BytesView frame, UniqueFd descriptor) {
  const Json message = Json::parse(frame.begin(), frame.end(), nullptr, false);
  const std::string type = message.is_object() ? message.value("type", "") : "";
  // As an honest one says it; else another front is put in its place.
  if (type == "keys") send({{"type", "keys_in_force"}, {"epoch", message["snapshot"]["epoch"]}});
  const std::lock_guard lock(mutex_);
  if (type == "signer") signers_.push_back(std::move(descriptor));
  if (type == "activated") answered_ = std::max(answered_, message.value("id", std::uint64_t{0}));
  if (type == "stop") over_ = true;
  changed_.notify_all();
}

void KeeperChannel::send(const Json& message) { send_octets(message.dump()); }

void KeeperChannel::send_octets(std::string_view octets) { channel_->send(as_bytes(octets)); }

UniqueFd KeeperChannel::next_signer() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [this] { return !signers_.empty() || over_; });
  if (signers_.empty()) return {};
  UniqueFd channel = std::move(signers_.front());
  signers_.pop_front();
  return channel;
}

bool KeeperChannel::answers() {
  std::unique_lock lock(mutex_);
  const std::uint64_t id = ++asked_;
  lock.unlock();
  send({{"type", "activate"}, {"id", id}, {"kid", "none"}});
  lock.lock();
  changed_.wait_for(lock, patience, [&] { return answered_ >= id || over_; });
  return answered_ >= id;
}

void KeeperChannel::wait_for_stop() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return over_; });
}

void try_the_keeper(KeeperChannel& keeper) {
  const std::string deep = std::string(40'000, '[') + std::string(40'000, ']');
  for (const std::string& frame : {
           std::string("no JSON"),
           std::string(""),
           std::string("{}"),
           std::string("[]"),
           std::string("null"),
           std::string(R"({"type":7})"),
           std::string(R"({"type":"other"})"),
           std::string(R"({"type":"ready","type":"stop"})"),
           deep,
           R"({"type":)" + deep + "}",
           std::string(R"({"type":"keys_in_force"})"),
           std::string(R"({"type":"keys_in_force","epoch":"1"})"),
           std::string(R"({"type":"keys_in_force","epoch":-1})"),
           std::string(R"({"type":"keys_in_force","epoch":1.5})"),
           std::string(R"({"type":"keys_in_force","epoch":{"a":[]}})"),
           std::string(R"({"type":"keys_in_force","epoch":18446744073709551615})"),
           std::string(R"({"type":"waiting","for":7})"),
           std::string(R"({"type":"waiting","for":["a"]})"),
           std::string(R"({"type":"waiting"})"),
           std::string(R"({"type":"ready","more":true})"),
           std::string(R"({"type":"answer"})"),
           std::string(R"({"type":"answer","id":1,"status":200,"body":"{}"})"),
           std::string(R"({"type":"answer","id":"1","status":{},"body":7})"),
           std::string(R"({"type":"coverage"})"),
           std::string(R"({"type":"coverage","verifiers":7})"),
           std::string(R"({"type":"coverage","verifiers":[{"id":7,"kids":7,"heard_at":"x"}]})"),
           std::string(
               R"({"type":"coverage","verifiers":[{"id":"x","kids":["x"],"heard_at":-1}]})"),
           std::string(R"({"type":"activate"})"),
           std::string(R"({"type":"activate","id":-1,"kid":7})"),
           std::string(R"({"type":"activate","id":0,"kid":["x"],"ek_nv_index":-1})"),
           std::string(R"({"type":"stop"})"),
           std::string(R"({"type":"keys","snapshot":{}})"),
           std::string(R"({"type":"reload","id":1})"),
           std::string(R"({"type":"admin","id":1})"),
       }) {
    keeper.send_octets(frame);
    const bool lives = keeper.answers();
    tell("keeper", frame.substr(0, 80), lives, lives ? "the keeper goes on" : "the keeper is gone");
  }
  for (int i = 0; i < 20; ++i) keeper.send({{"type", "ready"}});
  const bool lives = keeper.answers();
  tell("keeper", "ready, again and again", lives, "");
}

}  // namespace mintmark::test::compromised
