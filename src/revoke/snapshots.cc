#include "revoke/snapshots.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "jose/base64url.h"

namespace mintmark::revoke {
namespace {

tl::unexpected<Error> being_stopped() {
  return fail(Code::overloaded, "the issuer is being stopped; come again");
}

void tell(const std::vector<Snapshots::Done>& those, const Result<Snapshots::Answer>& answer) {
  for (const auto& done : those) {
    try {
      done(answer);
    } catch (const std::exception&) {  // Out of memory for this one; the others are told.
    }
  }
}

}  // namespace

void Snapshots::Signature::take(Result<std::string> outcome) {
  const MutexLock lock(mutex);
  if (frontier) return;
  frontier = std::move(outcome);
  came.notify_all();
}

Snapshots::Snapshots(FrontierParts parts, std::chrono::milliseconds apart)
    : parts_(std::move(parts)), apart_(apart), worker_([this] { work(); }) {}

void Snapshots::stop() {
  std::shared_ptr<Signature> signature;
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    signature = signature_;
  }
  changed_.notify_all();
  if (signature) signature->take(being_stopped());
  if (worker_.joinable()) worker_.join();
  std::vector<Done> left;
  {
    const MutexLock lock(mutex_);
    left.swap(waiting_);
  }
  tell(left, being_stopped());
}

void Snapshots::get(Done done) {
  Result<Answer> answer = being_stopped();
  {
    const MutexLock lock(mutex_);
    if (!ending_ && !is_fresh()) {
      waiting_.push_back(std::move(done));
      if (waiting_.size() == 1) changed_.notify_all();
      return;
    }
    if (!ending_) answer = last_.answer;
  }
  done(answer);
}

// Its frontier ends too: services would refuse it.
bool Snapshots::is_fresh() const {
  if (!last_.answer) return false;
  const auto age = Steady::now() - last_.began;
  if (age < std::max<Steady::duration>(apart_, 2 * took_)) return true;
  return age < parts_.life / 2 && last_.seq == parts_.events.position().seq;
}

void Snapshots::work() {
  MutexLock lock(mutex_);
  for (;;) {
    while (!ending_ && waiting_.empty()) changed_.wait(mutex_);
    // Where it fails too, half of the time is others'.
    const auto due = began_ + 2 * took_;
    while (!ending_ && changed_.wait_until(mutex_, due)) continue;
    if (ending_) return;
    began_ = Steady::now();
    lock.unlock();
    const auto made = try_make();
    lock.lock();
    took_ = Steady::now() - began_;
    if (made) last_ = {made->answer, made->seq, began_};
    const auto those = std::exchange(waiting_, {});
    lock.unlock();
    if (made)
      tell(those, made->answer);
    else
      tell(those, tl::unexpected<Error>(made.error()));
    lock.lock();
  }
}

Result<Snapshots::Made> Snapshots::try_make() {
  try {
    return make();
  } catch (const std::exception& problem) {  // Out of memory, say.
    return fail(Code::internal, std::string("no snapshot was made: ") + problem.what());
  }
}

Result<Snapshots::Made> Snapshots::make() {
  const Snapshot snapshot = parts_.events.snapshot();
  const Json content = {{"log", snapshot.position.log},
                        {"seq", snapshot.position.seq},
                        {"revoked", snapshot.revoked.to_json()}};
  const std::string text = content.dump();
  const auto frontier = sign(snapshot.position, text);
  if (!frontier) return tl::unexpected<Error>(frontier.error());
  auto answer = std::make_shared<const std::string>(
      Json({{"snapshot", text}, {"frontier", *frontier}}).dump());
  return Made{std::move(answer), snapshot.position.seq};
}

Result<std::string> Snapshots::sign(const Position& position, const std::string& text) {
  const auto signature = std::make_shared<Signature>();
  {
    const MutexLock lock(mutex_);
    if (ending_) return being_stopped();
    signature_ = signature;
  }
  sign_frontier(
      parts_, position, jose::base64url(sha256(text)),
      [signature](Result<std::string> frontier) { signature->take(std::move(frontier)); });
  const MutexLock lock(signature->mutex);
  // Whoever signs is to say that the deadline has passed, but who knows.
  const auto until = Steady::now() + parts_.sign_deadline * 5 / 4;
  while (!signature->frontier && signature->came.wait_until(signature->mutex, until)) continue;
  if (signature->frontier) return *std::move(signature->frontier);
  return fail(Code::deadline_passed, "no snapshot was signed in time");
}

}  // namespace mintmark::revoke
