#include "revoke/snapshots.h"

#include <utility>

#include "jose/base64url.h"

namespace mintmark::revoke {

struct Snapshots::State {
  using Steady = std::chrono::steady_clock;
  std::mutex mutex;
  Answer last;
  Steady::time_point made_at{};
  std::vector<Done> waiting;  ///< For the one that is being made; empty: none is.

  /// Null: a new one is due, or being made.
  [[nodiscard]] Answer fresh(std::chrono::milliseconds within) {
    const std::lock_guard lock(mutex);
    return waiting.empty() && Steady::now() < made_at + within ? last : nullptr;
  }

  /// True: the caller is to make it.
  [[nodiscard]] bool wait(Done done) {
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(done));
    if (waiting.size() > 1) return false;
    made_at = Steady::now();
    return true;
  }

  void came(const std::string& text, const Result<std::string>& frontier) {
    Result<Answer> answer = fail(Code::internal, "");
    if (frontier)
      answer = std::make_shared<const std::string>(
          Json({{"snapshot", text}, {"frontier", *frontier}}).dump());
    else
      answer = tl::unexpected<Error>(frontier.error());
    std::vector<Done> those;
    {
      const std::lock_guard lock(mutex);
      those = std::exchange(waiting, {});
      if (answer) last = *answer;
    }
    for (const Done& done : those) done(answer);
  }
};

Snapshots::Snapshots(FrontierParts parts, std::chrono::milliseconds apart)
    : parts_(std::move(parts)), apart_(apart), state_(std::make_shared<State>()) {}

void Snapshots::get(Done done) {
  if (const Answer last = state_->fresh(apart_)) return done(last);
  if (!state_->wait(std::move(done))) return;
  const Snapshot snapshot = parts_.events.snapshot();
  const Json content = {{"log", snapshot.position.log},
                        {"seq", snapshot.position.seq},
                        {"revoked", snapshot.revoked.to_json()}};
  std::string text = content.dump();
  std::string digest = jose::base64url(sha256(text));
  sign_frontier(parts_, snapshot.position, std::move(digest),
                [state = state_, text = std::move(text)](const Result<std::string>& frontier) {
                  state->came(text, frontier);
                });
}

}  // namespace mintmark::revoke
