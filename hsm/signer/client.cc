#include "hsm/signer/client.h"

#include <unordered_map>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/mutex.h"
#include "hsm/lanes.h"
#include "hsm/signer/wire.h"
#include "ipc/channel.h"

namespace mintmark::hsm::signer {
namespace {

constexpr std::chrono::milliseconds tick{20};
constexpr std::size_t longest_body = ipc::Channel::longest_frame - request_head_size;

tl::unexpected<Error> gone() {
  return fail(Code::hsm_unavailable, "the signer is not running; it is being started again");
}

}  // namespace

struct SignerClient::State : std::enable_shared_from_this<State> {
  // Gets the answer's body, or the error.
  using Finish = std::function<void(Result<Reader>)>;
  struct Call {
    Finish finish;
    Deadline deadline;
    Lane lane;
  };
  using Calls = std::unordered_map<std::uint64_t, Call>;

  explicit State(boost::asio::io_context& loop) : io(loop), timer(loop) {}

  void connect(UniqueFd fd) {
    auto next = ipc::Channel::make(io, std::move(fd));
    const std::uint64_t number = change_channel(next);
    const std::weak_ptr<State> weak = weak_from_this();
    next->start(
        [weak, number](BytesView frame, UniqueFd /*descriptor*/) {
          if (const auto self = weak.lock()) self->received(number, frame);
        },
        [weak, number](const std::string& /*why*/) {
          if (const auto self = weak.lock()) self->closed(number);
        });
  }

  // What was pending on the channel before is answered, and nothing that is asked on the next.
  std::uint64_t change_channel(std::shared_ptr<ipc::Channel> next) {
    Calls lost;
    std::uint64_t number = 0;
    {
      const MutexLock lock(mutex);
      channel.swap(next);
      lost.swap(pending);
      pending_others = 0;
      number = ++connection;
    }
    if (next) next->close();
    fail_all(lost);
    return number;
  }

  // By the other side, or by us because it sent garbage.
  void closed(std::uint64_t number) {
    Calls lost;
    std::shared_ptr<ipc::Channel> ended;
    {
      const MutexLock lock(mutex);
      if (number != connection) return;  // replace() came first.
      ended.swap(channel);
      lost.swap(pending);
      pending_others = 0;
    }
    if (ended) ended->close();
    fail_all(lost);
  }

  static void fail_all(Calls& calls) {
    for (auto& [id, call] : calls) call.finish(gone());
  }

  // `fill` writes the body, of at most `body_size` octets, behind the head.
  template <typename Fill>
  void call(Request type, Deadline deadline, std::size_t body_size, Fill&& fill, Finish finish,
            UniqueFd descriptor = {}, Lane lane = Lane::tokens) {
    if (deadline.passed())
      return finish(fail(Code::deadline_passed, "the deadline had passed before the call began"));
    if (body_size > longest_body)
      return finish(fail(Code::invalid_argument, "a request of " + std::to_string(body_size) +
                                                     " octets is too long for the signer"));
    Result<std::uint64_t> id = 0;
    std::shared_ptr<ipc::Channel> to;
    {
      const MutexLock lock(mutex);
      id = begin(finish, deadline, lane);
      to = channel;
    }
    if (!id) return finish(pass_on(id));
    Writer request = begin_request(type, *id, deadline, body_size);
    fill(request);
    to->send(request.frame(), std::move(descriptor));
  }

  // `finish` is taken only if there is no error.
  Result<std::uint64_t> begin(Finish& finish, Deadline deadline, Lane lane)
      MINTMARK_REQUIRES(mutex) {
    if (!channel) return gone();
    if (pending.size() >= most_pending) {
      return fail(Code::overloaded,
                  "more than " + std::to_string(most_pending) + " calls wait for the signer");
    }
    if (lane == Lane::others && pending_others >= most_pending_others) {
      return fail(Code::overloaded, "more than " + std::to_string(most_pending_others) +
                                        " calls that are no tokens' wait for the signer");
    }
    if (lane == Lane::others) ++pending_others;
    pending.emplace(++last_id, Call{std::move(finish), deadline, lane});
    start_timer();
    return last_id;
  }

  Calls::iterator forget(Calls::iterator call) MINTMARK_REQUIRES(mutex) {
    if (call->second.lane == Lane::others) --pending_others;
    return pending.erase(call);
  }

  void received(std::uint64_t number, BytesView frame) {
    Reader reader(frame);
    auto head = read_answer_head(reader);
    if (!head) return closed(number);
    if (head->id == 0) return tell(number, head->outcome);
    Finish finish;
    {
      const MutexLock lock(mutex);
      const auto found = pending.find(head->id);
      if (found == pending.end()) return;  // Its deadline passed here before.
      finish = std::move(found->second.finish);
      forget(found);
    }
    if (!head->outcome) return finish(pass_on(head->outcome));
    finish(reader);
  }

  void tell(std::uint64_t number, const Result<void>& readiness) {
    std::function<void(const Result<void>&)> listener;
    {
      const MutexLock lock(mutex);
      if (number == connection) listener = told;
    }
    if (listener) listener(readiness);
  }

  // One timer for all calls: it looks through them while there are any.
  void start_timer() MINTMARK_REQUIRES(mutex) {
    if (std::exchange(ticking, true)) return;
    timer.expires_after(tick);
    timer.async_wait([weak = weak_from_this()](boost::system::error_code /*error*/) {
      if (const auto self = weak.lock()) self->look_at_deadlines();
    });
  }

  void look_at_deadlines() {
    std::vector<Finish> late;
    const auto now = Deadline::clock::now();
    {
      const MutexLock lock(mutex);
      ticking = false;
      for (auto call = pending.begin(); call != pending.end();) {
        if (call->second.deadline.at() > now) {
          ++call;
          continue;
        }
        late.push_back(std::move(call->second.finish));
        call = forget(call);
      }
      if (!pending.empty()) start_timer();
    }
    for (const Finish& finish : late)
      finish(fail(Code::deadline_passed, "the key store did not answer in time"));
  }

  boost::asio::io_context& io;
  Mutex mutex;
  boost::asio::steady_timer timer MINTMARK_GUARDED_BY(mutex);
  bool ticking MINTMARK_GUARDED_BY(mutex) = false;
  std::shared_ptr<ipc::Channel> channel MINTMARK_GUARDED_BY(mutex);
  std::uint64_t connection MINTMARK_GUARDED_BY(mutex) = 0;
  std::uint64_t last_id MINTMARK_GUARDED_BY(mutex) = 0;
  Calls pending MINTMARK_GUARDED_BY(mutex);
  std::size_t pending_others MINTMARK_GUARDED_BY(mutex) = 0;  // Of them.
  std::function<void(const Result<void>&)> told MINTMARK_GUARDED_BY(mutex);
};

std::shared_ptr<SignerClient> SignerClient::make_unconnected(boost::asio::io_context& io) {
  return std::shared_ptr<SignerClient>(new SignerClient(std::make_shared<State>(io)));
}

std::shared_ptr<SignerClient> SignerClient::make(boost::asio::io_context& io, UniqueFd channel) {
  auto client = make_unconnected(io);
  client->state_->connect(std::move(channel));
  return client;
}

SignerClient::~SignerClient() { close(); }

void SignerClient::sign(const KeyId& key, std::string signing_input, Deadline deadline,
                        Done<Bytes> done) {
  const Lane lane = lane_of(signing_input);
  state_->call(
      Request::sign, deadline, key.size() + signing_input.size(),
      [&](Writer& request) {
        write_key_id(request, key);
        request.octets(as_bytes(signing_input));
      },
      [&io = state_->io, done = std::move(done)](Result<Reader> answer) mutable {
        if (!answer) return done(pass_on(answer));
        // Off the channel's strand: what follows (checking the signature) may run on every thread.
        boost::asio::post(io,
                          [done = std::move(done), signature = to_bytes(answer->rest())]() mutable {
                            done(std::move(signature));
                          });
      },
      {}, lane);
}

void SignerClient::list(Deadline deadline, Done<std::vector<KeyInfo>> done) {
  state_->call(
      Request::list, deadline, 0, [](Writer&) {},
      [done = std::move(done)](Result<Reader> answer) {
        if (!answer) return done(pass_on(answer));
        done(read_keys(*answer));
      });
}

void SignerClient::generate(const KeySpec& spec, Deadline deadline, Done<KeyInfo> done) {
  state_->call(
      Request::generate, deadline, spec_size, [&](Writer& request) { write_spec(request, spec); },
      [done = std::move(done)](Result<Reader> answer) {
        if (!answer) return done(pass_on(answer));
        done(read_one_key(*answer));
      });
}

void SignerClient::destroy(const KeyId& key, Deadline deadline, Done<void> done) {
  state_->call(
      Request::destroy, deadline, key.size(), [&](Writer& request) { write_key_id(request, key); },
      [done = std::move(done)](Result<Reader> answer) {
        if (!answer) return done(pass_on(answer));
        done(read_nothing(*answer));
      });
}

void SignerClient::evidence(const KeyId& key, Deadline deadline, Done<KeyEvidence> done) {
  state_->call(
      Request::evidence, deadline, key.size(), [&](Writer& request) { write_key_id(request, key); },
      [done = std::move(done)](Result<Reader> answer) {
        if (!answer) return done(pass_on(answer));
        done(read_evidence(*answer));
      });
}

void SignerClient::activate(const SealedCredential& credential, Deadline deadline,
                            Done<Bytes> done) {
  if (credential.credential_blob.size() > longest_credential ||
      credential.encrypted_secret.size() > longest_credential) {
    return done(fail(Code::tpm_credential_refused, "no credential is that long"));
  }
  state_->call(
      Request::activate, deadline, 2 * longest_credential,
      [&](Writer& request) { write_credential(request, credential); },
      [done = std::move(done)](Result<Reader> answer) {
        if (!answer) return done(pass_on(answer));
        done(to_bytes(answer->rest()));
      });
}

void SignerClient::attach_front(UniqueFd front, Deadline deadline, Done<void> done) {
  state_->call(
      Request::attach, deadline, 0, [](Writer&) {},
      [done = std::move(done)](Result<Reader> answer) {
        if (!answer) return done(pass_on(answer));
        done(read_nothing(*answer));
      },
      std::move(front));
}

void SignerClient::on_readiness(std::function<void(const Result<void>&)> told) {
  const MutexLock lock(state_->mutex);
  state_->told = std::move(told);
}

void SignerClient::replace(UniqueFd channel) { state_->connect(std::move(channel)); }

void SignerClient::close() { state_->change_channel(nullptr); }

bool SignerClient::connected() const {
  const MutexLock lock(state_->mutex);
  return state_->channel != nullptr;
}

}  // namespace mintmark::hsm::signer
