#include "hsm/signer/server.h"

#include <sys/socket.h>

#include <map>
#include <mutex>
#include <shared_mutex>

#include "hsm/signer/wire.h"
#include "ipc/channel.h"

namespace mintmark::hsm::signer {
namespace {

constexpr std::chrono::seconds start_patience{30};

enum class Role : std::uint8_t { keeper, front };

bool may(Role role, Request request) {
  return role == Role::keeper || request == Request::sign || request == Request::list;
}

}  // namespace

struct SignerServer::State : std::enable_shared_from_this<State> {
  State(boost::asio::io_context& loop, Signer& s, KeyAdmin& a, PurposeRules r, const Clock& c)
      : io(loop), signer(s), admin(a), rules(std::move(r)), clock(c) {}

  using Sender = std::shared_ptr<ipc::Channel>;

  // One call under way: its answer goes out when it is given, and the last one after EOF ends the
  // server.
  struct Call {
    std::shared_ptr<State> state;
    Sender channel;
    std::uint64_t id;
    Deadline deadline;

    void answer(const Bytes& frame) const {
      channel->send(frame);
      state->call_ended();
    }
    template <typename T>
    bool refused(const Result<T>& result) const {
      if (result) return false;
      answer(refusal(id, result.error()));
      return true;
    }
  };

  void listen(const Sender& channel, Role role) {
    std::weak_ptr<ipc::Channel> weak = channel;
    channel->start(
        [self = shared_from_this(), weak, role](BytesView frame, UniqueFd descriptor) {
          if (const auto from = weak.lock())
            self->received(from, role, frame, std::move(descriptor));
        },
        [self = shared_from_this(), role](const std::string& /*why*/) {
          if (role == Role::keeper) self->keeper_gone();
        });
  }

  void received(const Sender& from, Role role, BytesView frame, UniqueFd descriptor) {
    Reader reader(frame);
    const auto head = read_request_head(reader);
    if (!head) return from->close();
    const Call call{shared_from_this(), from, head->id, Deadline::in(head->left)};
    call_began();
    if (!may(role, head->type)) {
      return call.answer(refusal(
          head->id, Error{Code::not_permitted, "a front may sign and list, and nothing else", 0}));
    }
    dispatch(call, head->type, reader, std::move(descriptor));
  }

  void dispatch(const Call& call, Request type, Reader& reader, UniqueFd descriptor) {
    switch (type) {
      case Request::sign:
        return sign(call, reader);
      case Request::list:
        return list(call, reader);
      case Request::generate:
        return generate(call, reader);
      case Request::destroy:
        return destroy(call, reader);
      case Request::evidence:
        return evidence(call, reader);
      case Request::attach:
        return attach(call, std::move(descriptor));
    }
  }

  void malformed(const Call& call) {
    call.channel->close();
    call_ended();
  }

  void sign(const Call& call, Reader& reader) {
    const KeyId id = read_key_id(reader);
    std::string input(as_text(reader.rest()));
    if (!reader.ended()) return malformed(call);
    const auto key = find(id);
    if (!key)
      return call.answer(
          refusal(call.id, Error{Code::hsm_key_unknown, "there is no key " + to_string(id), 0}));
    if (call.refused(check_purpose(rules, *key, input, clock.now()))) return;
    signer.sign(id, std::move(input), call.deadline, [call](const Result<Bytes>& signature) {
      if (call.refused(signature)) return;
      Writer answer = begin_answer(call.id);
      answer.octets(*signature);
      call.answer(answer.frame());
    });
  }

  void list(const Call& call, Reader& reader) {
    if (!reader.ended()) return malformed(call);
    signer.list(call.deadline, [call](const Result<std::vector<KeyInfo>>& listed) {
      if (call.refused(listed)) return;
      call.state->remember(*listed);
      Writer answer = begin_answer(call.id);
      answer.u16(static_cast<std::uint16_t>(listed->size()));
      for (const KeyInfo& key : *listed) write_key(answer, key);
      call.answer(answer.frame());
    });
  }

  void generate(const Call& call, Reader& reader) {
    const auto spec = read_spec(reader);
    if (!spec) return malformed(call);
    admin.generate(*spec, call.deadline, [call](const Result<KeyInfo>& key) {
      if (call.refused(key)) return;
      call.state->remember({*key});
      Writer answer = begin_answer(call.id);
      write_key(answer, *key);
      call.answer(answer.frame());
    });
  }

  void destroy(const Call& call, Reader& reader) {
    const KeyId id = read_key_id(reader);
    if (!reader.ended()) return malformed(call);
    admin.destroy(id, call.deadline, [call, id](const Result<void>& done) {
      if (call.refused(done)) return;
      call.state->forget(id);
      call.answer(begin_answer(call.id).frame());
    });
  }

  void evidence(const Call& call, Reader& reader) {
    const KeyId id = read_key_id(reader);
    if (!reader.ended()) return malformed(call);
    admin.evidence(id, call.deadline, [call](const Result<KeyEvidence>& evidence) {
      if (call.refused(evidence)) return;
      Writer answer = begin_answer(call.id);
      answer.text(evidence->kind)
          .octets(as_bytes(evidence->facts.dump(-1, ' ', false, Json::error_handler_t::replace)));
      call.answer(answer.frame());
    });
  }

  void attach(const Call& call, UniqueFd descriptor) {
    if (!descriptor) return malformed(call);
    auto next = ipc::Channel::make(io, std::move(descriptor));
    if (front) front->close();
    front = next;
    listen(next, Role::front);
    call.answer(begin_answer(call.id).frame());
  }

  std::shared_ptr<const KeyInfo> find(const KeyId& id) {
    const std::shared_lock lock(keys_mutex);
    const auto found = keys.find(id);
    return found == keys.end() ? nullptr : found->second;
  }
  void remember(const std::vector<KeyInfo>& listed) {
    const std::unique_lock lock(keys_mutex);
    for (const KeyInfo& key : listed) keys[key.id] = std::make_shared<const KeyInfo>(key);
  }
  void forget(const KeyId& id) {
    const std::unique_lock lock(keys_mutex);
    keys.erase(id);
  }

  void call_began() {
    const std::lock_guard lock(calls_mutex);
    ++calls;
  }
  void call_ended() {
    const std::lock_guard lock(calls_mutex);
    --calls;
    end_when_quiet();
  }
  void keeper_gone() {
    if (front) front->close();
    const std::lock_guard lock(calls_mutex);
    ending = true;
    end_when_quiet();
  }
  void end_when_quiet() {
    if (ending && calls == 0 && ended) std::exchange(ended, nullptr)();
  }

  boost::asio::io_context& io;
  Signer& signer;
  KeyAdmin& admin;
  const PurposeRules rules;
  const Clock& clock;
  Sender keeper;
  Sender front;  // Touched on the keeper channel's strand alone.

  std::shared_mutex keys_mutex;
  std::map<KeyId, std::shared_ptr<const KeyInfo>> keys;

  std::mutex calls_mutex;
  std::size_t calls = 0;
  bool ending = false;
  std::function<void()> ended;
};

SignerServer::SignerServer(boost::asio::io_context& io, Signer& signer, KeyAdmin& admin,
                           PurposeRules rules, const Clock& clock)
    : state_(std::make_shared<State>(io, signer, admin, std::move(rules), clock)) {}

SignerServer::~SignerServer() {
  if (state_->keeper) state_->keeper->close();
}

void SignerServer::serve(UniqueFd keeper, std::function<void()> ended) {
  state_->ended = std::move(ended);
  state_->keeper = ipc::Channel::make(state_->io, std::move(keeper));
  state_->listen(state_->keeper, Role::keeper);
  state_->signer.list(Deadline::in(start_patience),
                      [state = state_](const Result<std::vector<KeyInfo>>& listed) {
                        if (!listed) return state->keeper->send(refusal(0, listed.error()));
                        state->remember(*listed);
                        state->keeper->send(begin_answer(0).frame());
                      });
}

void tell_unready(int keeper_fd, const Error& error) {
  const Bytes body = refusal(0, error);
  Writer frame;
  frame.u32(static_cast<std::uint32_t>(body.size())).octets(body);
  // A frame this small goes in one piece; if the keeper is gone there is nobody to tell.
  (void)!send(keeper_fd, frame.frame().data(), frame.frame().size(), MSG_NOSIGNAL);
}

}  // namespace mintmark::hsm::signer
