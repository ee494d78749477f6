#include "hsm/signer/client.h"

#include <mutex>
#include <unordered_map>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "hsm/signer/wire.h"
#include "ipc/channel.h"

namespace mintmark::hsm::signer {
namespace {

constexpr std::chrono::milliseconds tick{20};

tl::unexpected<Error> gone() {
  return fail(Code::hsm_unavailable, "the signer is not running; it is being started again");
}

}  // namespace

struct SignerClient::State : std::enable_shared_from_this<State> {
  // Gets the answer's body, or the error.
  using Finish = std::function<void(Result<Reader>)>;
  struct Pending {
    Finish finish;
    Deadline deadline;
  };

  explicit State(boost::asio::io_context& loop) : io(loop), timer(loop) {}

  void connect(UniqueFd fd) {
    auto next = ipc::Channel::make(io, std::move(fd));
    std::shared_ptr<ipc::Channel> before;
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex);
      before = std::exchange(channel, next);
      number = ++connection;
    }
    if (before) before->close();
    fail_all(gone().value());
    next->start(
        [self = shared_from_this()](BytesView frame, UniqueFd /*descriptor*/) {
          self->received(frame);
        },
        [self = shared_from_this(), number](const std::string& /*why*/) { self->closed(number); });
  }

  // `fill` writes the body behind the head.
  template <typename Fill>
  void call(Request type, Deadline deadline, Fill&& fill, Finish finish, UniqueFd descriptor = {}) {
    if (deadline.passed())
      return finish(fail(Code::deadline_passed, "the deadline had passed before the call began"));
    std::shared_ptr<ipc::Channel> to;
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(mutex);
      to = channel;
      if (to && pending.size() < most_pending) {
        id = ++last_id;
        pending.emplace(id, Pending{std::move(finish), deadline});
        start_timer();
      }
    }
    if (!to) return finish(gone());
    if (id == 0)
      return finish(fail(Code::overloaded, "more than " + std::to_string(most_pending) +
                                               " calls wait for the signer"));
    Writer request = begin_request(type, id, deadline);
    fill(request);
    to->send(request.frame(), std::move(descriptor));
  }

  void received(BytesView frame) {
    Reader reader(frame);
    auto head = read_answer_head(reader);
    if (!head) return close();
    if (head->id == 0) {
      if (told) told(head->outcome);
      return;
    }
    Finish finish;
    {
      const std::lock_guard lock(mutex);
      const auto found = pending.find(head->id);
      if (found == pending.end()) return;  // Its deadline passed here before.
      finish = std::move(found->second.finish);
      pending.erase(found);
    }
    if (!head->outcome) return finish(tl::unexpected<Error>(std::move(head->outcome.error())));
    finish(reader);
  }

  void closed(std::uint64_t number) {
    {
      const std::lock_guard lock(mutex);
      if (number != connection) return;  // replace() came first.
      channel.reset();
    }
    fail_all(gone().value());
  }

  void close() {
    std::shared_ptr<ipc::Channel> open;
    {
      const std::lock_guard lock(mutex);
      open = std::exchange(channel, nullptr);
      ++connection;
    }
    if (open) open->close();
    fail_all(gone().value());
  }

  void fail_all(const Error& error) {
    std::unordered_map<std::uint64_t, Pending> failed;
    {
      const std::lock_guard lock(mutex);
      failed.swap(pending);
    }
    for (auto& [id, call] : failed) call.finish(tl::unexpected<Error>(error));
  }

  // One timer for all calls: it looks through them while there are any. Under the mutex.
  void start_timer() {
    if (std::exchange(ticking, true)) return;
    timer.expires_after(tick);
    timer.async_wait([weak = weak_from_this()](boost::system::error_code /*error*/) {
      if (const auto self = weak.lock()) self->look_at_deadlines();
    });
  }

  void look_at_deadlines() {
    std::vector<Finish> late;
    {
      const std::lock_guard lock(mutex);
      ticking = false;
      for (auto call = pending.begin(); call != pending.end();) {
        if (!call->second.deadline.passed()) {
          ++call;
          continue;
        }
        late.push_back(std::move(call->second.finish));
        call = pending.erase(call);
      }
      if (!pending.empty()) start_timer();
    }
    for (const Finish& finish : late)
      finish(fail(Code::deadline_passed, "the key store did not answer in time"));
  }

  boost::asio::io_context& io;
  std::mutex mutex;
  boost::asio::steady_timer timer;
  bool ticking = false;
  std::shared_ptr<ipc::Channel> channel;
  std::uint64_t connection = 0;
  std::uint64_t last_id = 0;
  std::unordered_map<std::uint64_t, Pending> pending;
  std::function<void(const Result<void>&)> told;
};

std::shared_ptr<SignerClient> SignerClient::make_unconnected(boost::asio::io_context& io) {
  return std::shared_ptr<SignerClient>(new SignerClient(std::make_shared<State>(io)));
}

std::shared_ptr<SignerClient> SignerClient::make(boost::asio::io_context& io, UniqueFd channel) {
  auto client = make_unconnected(io);
  client->state_->connect(std::move(channel));
  return client;
}

SignerClient::~SignerClient() { state_->close(); }

void SignerClient::sign(const KeyId& key, std::string signing_input, Deadline deadline,
                        Done<Bytes> done) {
  state_->call(
      Request::sign, deadline,
      [&](Writer& request) {
        write_key_id(request, key);
        request.octets(as_bytes(signing_input));
      },
      [&io = state_->io, done = std::move(done)](Result<Reader> answer) {
        if (!answer) return done(pass_on(answer));
        // Off the channel's strand: what follows (checking the signature) may run on every thread.
        boost::asio::post(io, [done, signature = to_bytes(answer->rest())]() mutable {
          done(std::move(signature));
        });
      });
}

void SignerClient::list(Deadline deadline, Done<std::vector<KeyInfo>> done) {
  state_->call(
      Request::list, deadline, [](Writer&) {},
      [done = std::move(done)](Result<Reader> answer) {
        if (!answer) return done(pass_on(answer));
        done(read_keys(*answer));
      });
}

void SignerClient::generate(const KeySpec& spec, Deadline deadline, Done<KeyInfo> done) {
  state_->call(
      Request::generate, deadline,
      [&](Writer& request) {
        write_key_id(request, spec.id);
        request.text(name_of(spec.purpose)).text(jose::name_of(spec.algorithm));
      },
      [done = std::move(done)](Result<Reader> answer) {
        if (!answer) return done(pass_on(answer));
        done(read_key(*answer));
      });
}

void SignerClient::destroy(const KeyId& key, Deadline deadline, Done<void> done) {
  state_->call(
      Request::destroy, deadline, [&](Writer& request) { write_key_id(request, key); },
      [done = std::move(done)](Result<Reader> answer) {
        if (!answer) return done(pass_on(answer));
        done({});
      });
}

void SignerClient::evidence(const KeyId& key, Deadline deadline, Done<KeyEvidence> done) {
  state_->call(
      Request::evidence, deadline, [&](Writer& request) { write_key_id(request, key); },
      [done = std::move(done)](Result<Reader> answer) {
        if (!answer) return done(pass_on(answer));
        std::string kind = answer->text();
        auto facts = parse_json(as_text(answer->rest()));
        if (!facts) return done(pass_on(facts));
        done(KeyEvidence{std::move(kind), std::move(*facts)});
      });
}

void SignerClient::attach_front(UniqueFd front, Deadline deadline, Done<void> done) {
  state_->call(
      Request::attach, deadline, [](Writer&) {},
      [done = std::move(done)](Result<Reader> answer) {
        if (!answer) return done(pass_on(answer));
        done({});
      },
      std::move(front));
}

void SignerClient::on_readiness(std::function<void(const Result<void>&)> told) {
  state_->told = std::move(told);
}

void SignerClient::replace(UniqueFd channel) { state_->connect(std::move(channel)); }

void SignerClient::close() { state_->close(); }

bool SignerClient::connected() const {
  const std::lock_guard lock(state_->mutex);
  return state_->channel != nullptr;
}

}  // namespace mintmark::hsm::signer
