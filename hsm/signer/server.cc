#include "hsm/signer/server.h"

#include <limits>
#include <map>
#include <optional>

#include "base/mutex.h"
#include "hsm/signer/wire.h"
#include "ipc/channel.h"

namespace mintmark::hsm::signer {
namespace {

constexpr std::chrono::seconds start_patience{30};

enum class Role : std::uint8_t { keeper, front };

bool may(Role role, Request request) {
  return role == Role::keeper || request == Request::sign || request == Request::list;
}

// After these every further call of this process fails the same way; another process may do better
// (with another PIN, when the token is unlocked, with the module loaded afresh).
bool is_final(Code code) {
  return code == Code::hsm_pin_refused || code == Code::hsm_pin_locked ||
         code == Code::hsm_module_unusable;
}

}  // namespace

struct SignerServer::State : std::enable_shared_from_this<State> {
  State(boost::asio::io_context& loop, Signer& s, KeyAdmin& a, PurposeRules r, const Clock& c,
        EvidenceActivation* e)
      : io(loop), signer(s), admin(a), rules(std::move(r)), clock(c), activation(e) {}

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
    void refuse(const Error& error) const {
      channel->send(refusal(id, error));
      if (is_final(error.code)) state->give_up(error);
      state->call_ended();
    }
    template <typename T>
    bool refused(const Result<T>& result) const {
      if (result) return false;
      refuse(result.error());
      return true;
    }
  };

  void listen(const Sender& channel, Role role) {
    const std::weak_ptr<ipc::Channel> weak_channel = channel;
    const std::weak_ptr<State> weak = weak_from_this();
    channel->start(
        [weak, weak_channel, role](BytesView frame, UniqueFd descriptor) {
          const auto self = weak.lock();
          const auto from = weak_channel.lock();
          if (self && from) self->received(from, role, frame, std::move(descriptor));
        },
        [weak, role](const std::string& /*why*/) {
          const auto self = weak.lock();
          if (self && role == Role::keeper) self->keeper_gone();
        });
  }

  void received(const Sender& from, Role role, BytesView frame, UniqueFd descriptor) {
    Reader reader(frame);
    const auto head = read_request_head(reader);
    if (!head) return from->close();
    const Call call{shared_from_this(), from, head->id, Deadline::in(head->left)};
    call_began();
    if (!may(role, head->type)) {
      return call.refuse(
          Error{Code::not_permitted, "a front may sign and list, and nothing else", 0});
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
        return attach(call, reader, std::move(descriptor));
      case Request::activate:
        return activate(call, reader);
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
      return call.refuse(Error{Code::hsm_key_unknown, "there is no key " + to_string(id), 0});
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
      call.state->remember_all(*listed);
      Writer answer = begin_answer(call.id);
      write_keys(answer, *listed);
      if (listed->size() > std::numeric_limits<std::uint16_t>::max() ||
          answer.frame().size() > ipc::Channel::longest_frame) {
        return call.refuse(Error{Code::hsm_failed,
                                 "the store has " + std::to_string(listed->size()) +
                                     " keys, more than one message takes",
                                 0});
      }
      call.answer(answer.frame());
    });
  }

  void generate(const Call& call, Reader& reader) {
    const auto spec = read_spec(reader);
    if (!spec) return malformed(call);
    admin.generate(*spec, call.deadline, [call](const Result<KeyInfo>& key) {
      if (call.refused(key)) return;
      call.state->remember(*key);
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
      write_evidence(answer, *evidence);
      call.answer(answer.frame());
    });
  }

  void activate(const Call& call, Reader& reader) {
    const auto credential = read_credential(reader);
    if (!credential) return malformed(call);
    if (activation == nullptr) {
      return call.refuse(Error{Code::activation_unavailable,
                               "this key store has no attestation key to activate", 0});
    }
    activation->activate(*credential, call.deadline, [call](const Result<Bytes>& secret) {
      if (call.refused(secret)) return;
      Writer answer = begin_answer(call.id);
      answer.octets(*secret);
      call.answer(answer.frame());
    });
  }

  void attach(const Call& call, const Reader& reader, UniqueFd descriptor) {
    if (!descriptor || !reader.ended()) return malformed(call);
    auto next = ipc::Channel::make(io, std::move(descriptor));
    change_front(next);
    listen(next, Role::front);
    call.answer(begin_answer(call.id).frame());
  }

  std::shared_ptr<const KeyInfo> find(const KeyId& id) {
    const ReaderLock lock(keys_mutex);
    const auto found = keys.find(id);
    return found == keys.end() ? nullptr : found->second;
  }
  void remember(const KeyInfo& key) {
    const WriterLock lock(keys_mutex);
    keys[key.id] = std::make_shared<const KeyInfo>(key);
  }
  // Adds only: a key that a list does not show may have been made while it was being read.
  void remember_all(const std::vector<KeyInfo>& listed) {
    for (const KeyInfo& key : listed) remember(key);
  }
  void forget(const KeyId& id) {
    const WriterLock lock(keys_mutex);
    keys.erase(id);
  }

  void start(const Sender& to_keeper, Ended told_at_end) {
    {
      const MutexLock lock(mutex);
      ended = std::move(told_at_end);
    }
    keeper = to_keeper;
    call_began();
    listen(keeper, Role::keeper);
    signer.list(Deadline::in(start_patience),
                [self = shared_from_this()](const Result<std::vector<KeyInfo>>& listed) {
                  if (listed) {
                    self->remember_all(*listed);
                    self->keeper->send(begin_answer(0).frame());
                  } else {
                    self->give_up(listed.error());
                  }
                  self->call_ended();
                });
  }

  // The keeper hears why and then sees its channel closed; what follows is as if it had closed it.
  void give_up(const Error& error) {
    {
      const MutexLock lock(mutex);
      if (failed) return;
      failed = error;
    }
    keeper->send(refusal(0, error));
    keeper->close_when_sent();
  }

  void keeper_gone() {
    change_front(nullptr);
    {
      const MutexLock lock(mutex);
      ending = true;
    }
    end_when_quiet();
  }

  void change_front(Sender next) {
    {
      const MutexLock lock(mutex);
      front.swap(next);
    }
    if (next) next->close();
  }

  void close() {
    change_front(nullptr);
    if (keeper) keeper->close();
  }

  void call_began() {
    const MutexLock lock(mutex);
    ++calls;
  }
  void call_ended() {
    {
      const MutexLock lock(mutex);
      --calls;
    }
    end_when_quiet();
  }
  void end_when_quiet() {
    Ended told;
    Result<void> outcome;
    {
      const MutexLock lock(mutex);
      if (ending && calls == 0) told = std::exchange(ended, nullptr);
      if (failed) outcome = tl::unexpected<Error>(*failed);
    }
    if (told) told(std::move(outcome));
  }

  boost::asio::io_context& io;
  Signer& signer;
  KeyAdmin& admin;
  const PurposeRules rules;
  const Clock& clock;
  EvidenceActivation* const activation;
  Sender keeper;

  SharedMutex keys_mutex;
  std::map<KeyId, std::shared_ptr<const KeyInfo>> keys MINTMARK_GUARDED_BY(keys_mutex);

  Mutex mutex;
  Sender front MINTMARK_GUARDED_BY(mutex);
  std::size_t calls MINTMARK_GUARDED_BY(mutex) = 0;
  bool ending MINTMARK_GUARDED_BY(mutex) = false;
  std::optional<Error> failed MINTMARK_GUARDED_BY(mutex);  // Never changed once set.
  Ended ended MINTMARK_GUARDED_BY(mutex);
};

SignerServer::SignerServer(boost::asio::io_context& io, Signer& signer, KeyAdmin& admin,
                           PurposeRules rules, const Clock& clock, EvidenceActivation* activation)
    : state_(std::make_shared<State>(io, signer, admin, std::move(rules), clock, activation)) {}

SignerServer::~SignerServer() { state_->close(); }

void SignerServer::serve(UniqueFd keeper, Ended ended) {
  state_->start(ipc::Channel::make(state_->io, std::move(keeper)), std::move(ended));
}

void tell_unready(int keeper_fd, const Error& error) {
  // If the keeper is gone there is nobody to tell.
  (void)ipc::send_frame(keeper_fd, refusal(0, error));
}

}  // namespace mintmark::hsm::signer
