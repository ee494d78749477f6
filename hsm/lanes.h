// What waits for hardware stands in two lines: access tokens, and what their use hangs on, before
// all else that the same hardware signs (docs/adr/0036-tokens-first.md).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>

namespace mintmark::hsm {

enum class Lane : std::uint8_t {
  tokens,  ///< Access tokens, frontiers, TLS handshakes, what the keeper wants done.
  others,  ///< Client attestations, results, status lists, introspection, SETs, evidence.
};

/// The lane of what a signer is asked to sign, by the `typ` of its JWS header; `others` for what is
/// neither a JWS nor a server's CertificateVerify (RFC 8446 §4.4.3). The signer has judged before
/// that a key signs only the `typ` of its purpose.
[[nodiscard]] Lane lane_of(std::string_view signing_input);

/// The two lines, each with a bound of its own: one that is full refuses nothing of the other.
/// Where both wait, `in_a_row` of the tokens' line are taken, then one of the others', so that
/// neither waits for ever. Not thread-safe.
template <typename T>
class Lanes {
 public:
  static constexpr std::size_t in_a_row = 7;

  /// `bound`: of the tokens' line. The others' is a quarter of it, and at least one.
  explicit Lanes(std::size_t bound) : bounds_{bound, std::max<std::size_t>(bound / 4, 1)} {}

  [[nodiscard]] std::size_t bound(Lane lane) const { return bounds_[index(lane)]; }
  [[nodiscard]] bool full(Lane lane) const { return of(lane).size() >= bound(lane); }
  [[nodiscard]] bool empty() const { return lines_[0].empty() && lines_[1].empty(); }
  [[nodiscard]] const std::deque<T>& of(Lane lane) const { return lines_[index(lane)]; }

  void push(Lane lane, T one) { lines_[index(lane)].push_back(std::move(one)); }

  /// Whose turn it is. Not where nothing waits.
  [[nodiscard]] T pop() {
    const Lane lane = turn();
    taken_ = lane == Lane::tokens && !of(Lane::others).empty() ? taken_ + 1 : 0;
    auto& line = lines_[index(lane)];
    T one = std::move(line.front());
    line.pop_front();
    return one;
  }

  /// Those at the head of either line for which it holds: they cost no turn.
  template <typename Which>
  [[nodiscard]] std::deque<T> take_first(Which which) {
    std::deque<T> taken;
    for (auto& line : lines_) {
      while (!line.empty() && which(line.front())) {
        taken.push_back(std::move(line.front()));
        line.pop_front();
      }
    }
    return taken;
  }

  /// Those for which it holds, in their order; the others stay.
  template <typename Which>
  [[nodiscard]] std::deque<T> take(Which which) {
    std::deque<T> taken;
    for (auto& line : lines_) {
      std::deque<T> left;
      for (T& one : line) (which(one) ? taken : left).push_back(std::move(one));
      line.swap(left);
    }
    return taken;
  }

 private:
  static std::size_t index(Lane lane) { return static_cast<std::size_t>(lane); }
  [[nodiscard]] Lane turn() const {
    if (of(Lane::tokens).empty()) return Lane::others;
    return !of(Lane::others).empty() && taken_ >= in_a_row ? Lane::others : Lane::tokens;
  }

  std::array<std::size_t, 2> bounds_;
  std::array<std::deque<T>, 2> lines_;
  std::size_t taken_ = 0;  ///< Of the tokens' line since one of the others' was, while one waited.
};

}  // namespace mintmark::hsm
