#include "support/fake_key_store.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

#include "support/openssl_pair.h"

namespace mintmark::test {
namespace {

struct KeyOfOpenSsl {
  std::shared_ptr<EVP_PKEY> pair;
  hsm::KeyInfo info;
};

KeyOfOpenSsl make_pair(const hsm::KeySpec& spec) {
  auto pair = make_openssl_pair(spec.algorithm);
  auto key = public_half(pair.get(), spec.algorithm);
  return {std::move(pair), {spec.id, spec.purpose, std::move(key), ""}};
}

tl::unexpected<Error> unknown(const hsm::KeyId& id) {
  return fail(Code::hsm_key_unknown, "no key " + hsm::to_string(id));
}

}  // namespace

struct FakeKeyStore::Keys {
  std::mutex mutex;
  std::map<hsm::KeyId, KeyOfOpenSsl> pairs;
  std::set<jose::Algorithm> lacking;

  Result<KeyOfOpenSsl> find(const hsm::KeyId& id) {
    const std::scoped_lock lock(mutex);
    const auto found = pairs.find(id);
    if (found == pairs.end()) return unknown(id);
    return found->second;
  }

  Result<hsm::KeyInfo> generate(const hsm::KeySpec& spec) {
    const std::scoped_lock lock(mutex);
    if (pairs.count(spec.id) != 0) {
      return fail(Code::hsm_key_exists, "there is a key " + hsm::to_string(spec.id));
    }
    if (lacking.count(spec.algorithm) != 0)
      return fail(Code::hsm_mechanism_missing, "this store has no such mechanism");
    return pairs.emplace(spec.id, make_pair(spec)).first->second.info;
  }

  Result<void> destroy(const hsm::KeyId& id) {
    const std::scoped_lock lock(mutex);
    if (pairs.erase(id) == 0) return unknown(id);
    return {};
  }

  std::vector<hsm::KeyInfo> list() {
    const std::scoped_lock lock(mutex);
    std::vector<hsm::KeyInfo> infos;
    for (const auto& [id, key] : pairs) infos.push_back(key.info);
    return infos;
  }
};

struct FakeKeyStore::Parts : std::enable_shared_from_this<FakeKeyStore::Parts> {
  using Refusal = std::optional<Error>;
  struct Call {
    Deadline deadline;
    std::function<void(Refusal)> answer;  ///< Given no refusal it does the work.
  };

  Parts(std::shared_ptr<Keys> with, unsigned bound) : keys(std::move(with)), queue_bound(bound) {}

  void start() {
    worker = std::thread([self = shared_from_this()] { self->work(); });
  }

  void end() {
    {
      const std::scoped_lock lock(mutex);
      if (std::exchange(ending, true)) return;
    }
    changed.notify_all();
    // A completion may hold the last hold on its own store: then this is the worker itself.
    if (worker.get_id() == std::this_thread::get_id())
      worker.detach();
    else
      worker.join();
    for (const Call& call : waiting) {
      call.answer(Error{Code::hsm_unavailable, "the key store is being closed"});
    }
  }

  template <typename T, typename Work>
  void submit(Deadline deadline, hsm::Done<T> done, Work work_item) {
    push({deadline, [done = std::move(done), work_item = std::move(work_item)](Refusal refusal) {
            if (refusal) return done(tl::unexpected<Error>(std::move(*refusal)));
            done(work_item());
          }});
  }

  void push(Call call) {
    if (call.deadline.passed()) return call.answer(Error{Code::deadline_passed, "too late"});
    {
      const std::scoped_lock lock(mutex);
      if (!ending && waiting.size() < queue_bound) {
        waiting.push_back(std::move(call));
        changed.notify_all();
        return;
      }
    }
    call.answer(Error{Code::overloaded, "the queue is full"});
  }

  void work() {
    for (;;) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [this] { return ending || (!held && !waiting.empty()); });
      if (ending) return;
      const Call call = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      call.answer(call.deadline.passed() ? Refusal(Error{Code::deadline_passed, "too late"})
                                         : std::nullopt);
    }
  }

  Result<Bytes> sign(const hsm::KeyId& id, const std::string& input) {
    auto key = keys->find(id);
    if (!key) return pass_on(key);
    if (!key->info.unfit.empty()) return fail(Code::hsm_key_unfit, key->info.unfit);
    const std::scoped_lock lock(mutex);
    if (failure) return tl::unexpected<Error>(*failure);
    Bytes signature =
        sign_as_jws(key->pair.get(), key->info.public_key.algorithm(), as_bytes(input));
    ++signed_so_far;
    return signature;
  }

  std::shared_ptr<Keys> keys;
  const std::size_t queue_bound;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Call> waiting;
  bool ending = false;
  bool held = false;
  std::optional<Error> failure;
  // Set before the calls that they are for.
  std::optional<Error> generation_failure;
  std::function<void()> before_generation;
  std::function<void()> before_destruction;
  std::size_t signed_so_far = 0;
  std::thread worker;
};

std::shared_ptr<FakeKeyStore::Keys> FakeKeyStore::make_keys() { return std::make_shared<Keys>(); }

FakeKeyStore::FakeKeyStore(std::shared_ptr<Keys> keys, unsigned queue)
    : parts_(std::make_shared<Parts>(std::move(keys), queue)) {
  parts_->start();
}

FakeKeyStore::~FakeKeyStore() { close(); }

void FakeKeyStore::close() { parts_->end(); }

void FakeKeyStore::sign(const hsm::KeyId& key, std::string signing_input, Deadline deadline,
                        hsm::Done<Bytes> done) {
  parts_->submit<Bytes>(deadline, std::move(done),
                        [parts = parts_.get(), key, input = std::move(signing_input)] {
                          return parts->sign(key, input);
                        });
}

void FakeKeyStore::list(Deadline deadline, hsm::Done<std::vector<hsm::KeyInfo>> done) {
  parts_->submit<std::vector<hsm::KeyInfo>>(deadline, std::move(done),
                                            [keys = parts_->keys] { return keys->list(); });
}

void FakeKeyStore::generate(const hsm::KeySpec& spec, Deadline deadline,
                            hsm::Done<hsm::KeyInfo> done) {
  if (parts_->before_generation) parts_->before_generation();
  parts_->submit<hsm::KeyInfo>(
      deadline, std::move(done),
      [keys = parts_->keys, spec, failure = parts_->generation_failure]() -> Result<hsm::KeyInfo> {
        if (failure) return tl::unexpected<Error>(*failure);
        return keys->generate(spec);
      });
}

void FakeKeyStore::destroy(const hsm::KeyId& key, Deadline deadline, hsm::Done<void> done) {
  if (parts_->before_destruction) parts_->before_destruction();
  parts_->submit<void>(deadline, std::move(done),
                       [keys = parts_->keys, key] { return keys->destroy(key); });
}

void FakeKeyStore::evidence(const hsm::KeyId& key, Deadline deadline,
                            hsm::Done<hsm::KeyEvidence> done) {
  parts_->submit<hsm::KeyEvidence>(
      deadline, std::move(done), [keys = parts_->keys, key]() -> Result<hsm::KeyEvidence> {
        auto found = keys->find(key);
        if (!found) return pass_on(found);
        return hsm::KeyEvidence{
            .kind = "fake", .facts = {{"kid", found->info.kid()}, {"unfit", found->info.unfit}}};
      });
}

hsm::KeyInfo FakeKeyStore::make_key(hsm::Purpose purpose, const hsm::KeyId& id,
                                    jose::Algorithm algorithm) {
  auto info = parts_->keys->generate({.id = id, .purpose = purpose, .algorithm = algorithm});
  if (!info) throw std::runtime_error(info.error().to_string());
  return std::move(*info);
}

void FakeKeyStore::fail_generation_with(Error error) {
  parts_->generation_failure = std::move(error);
}

void FakeKeyStore::before_generation(std::function<void()> called) {
  parts_->before_generation = std::move(called);
}

void FakeKeyStore::before_destruction(std::function<void()> called) {
  parts_->before_destruction = std::move(called);
}

void FakeKeyStore::fail_signing_with(Error error) {
  const std::scoped_lock lock(parts_->mutex);
  parts_->failure = std::move(error);
}

void FakeKeyStore::sign_again() {
  const std::scoped_lock lock(parts_->mutex);
  parts_->failure.reset();
}

void FakeKeyStore::lack(jose::Algorithm algorithm) {
  const std::scoped_lock lock(parts_->keys->mutex);
  parts_->keys->lacking.insert(algorithm);
}

void FakeKeyStore::make_unfit(const hsm::KeyId& key, std::string reason) {
  const std::scoped_lock lock(parts_->keys->mutex);
  parts_->keys->pairs.at(key).info.unfit = std::move(reason);
}

void FakeKeyStore::hold() {
  const std::scoped_lock lock(parts_->mutex);
  parts_->held = true;
}

void FakeKeyStore::release() {
  const std::scoped_lock lock(parts_->mutex);
  parts_->held = false;
  parts_->changed.notify_all();
}

std::size_t FakeKeyStore::signatures() const {
  const std::scoped_lock lock(parts_->mutex);
  return parts_->signed_so_far;
}

}  // namespace mintmark::test
