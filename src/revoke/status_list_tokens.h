// The signed tokens of our status lists, made when somebody wants them and something has changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "jose/key.h"
#include "revoke/status_lists.h"

namespace mintmark::revoke {

enum class ListForm : std::uint8_t { jwt, cwt };

/// What a key signed, and its signature as a JWS has it.
struct SignedInput {
  std::string input;
  Bytes signature;
};
/// Signs with a key of purpose `status_list` that signs now; `input` says what, given the key.
/// `done` is called once, from any thread.
using SignList =
    std::function<void(std::function<std::string(const jose::PublicKey& key)> input,
                       Deadline deadline, std::function<void(Result<SignedInput>)> done)>;

/// A token as it is served. Never changes.
struct ListToken {
  std::string body;  ///< Compact JWS, or a CWT's octets.
  std::string etag;  ///< In its quotation marks.
  std::chrono::seconds ttl;
  Moment good_until;  ///< Its `exp`.
};

/// For figures: one token that was made, or could not be.
struct ListBuild {
  ListForm form = ListForm::jwt;
  std::chrono::nanoseconds took{};  ///< From the copy of the list until the signature is there.
  std::size_t octets = 0;           ///< Of the token.
  const Error* trouble = nullptr;   ///< As long as the call.
};

struct ListTokenOptions {
  std::string issuer;
  std::chrono::seconds life{300};
  std::chrono::seconds ttl{60};
  /// Between two makings of a list's token in one form, whatever becomes of the first.
  std::chrono::milliseconds pause{1000};
  /// How long a signature may take.
  std::chrono::milliseconds patience{2000};
};

/// Thread-safe. What it refers to must outlive it.
class StatusListTokens {
 public:
  struct Parts {
    const StatusIndexes& indexes;
    const Clock& clock;
    SignList sign;
    /// Told of each making, from any thread. Empty: nobody is.
    std::function<void(const ListBuild&)> built = {};
  };
  using Given = std::function<void(Result<std::shared_ptr<const ListToken>>)>;

  StatusListTokens(ListTokenOptions options, Parts parts);
  /// Ends its thread. Who still waits is told `status_list_unavailable`, at once or when his
  /// signature comes.
  ~StatusListTokens();
  StatusListTokens(const StatusListTokens&) = delete;
  StatusListTokens& operator=(const StatusListTokens&) = delete;

  /// The token of a list. A new one is made where the list has changed, or half of the last one's
  /// life is over, or the clock went back behind its `iat`, which makes it no good one, and `pause`
  /// has passed since the last making; then `given` is called when the
  /// signature is there, else at once. Whatever a making comes to, nobody waits for more than one,
  /// and gets the last token as long as that is good. `status_list_unknown`;
  /// `status_list_unavailable` where there is no good one.
  void get(std::uint32_t list, ListForm form, Given given);

  [[nodiscard]] std::string uri(std::uint32_t list) const;  ///< ISSUER/status/LIST
  [[nodiscard]] std::chrono::seconds ttl() const;
  [[nodiscard]] std::string aggregation_uri() const;    ///< ISSUER/statuslists
  [[nodiscard]] std::vector<std::string> uris() const;  ///< Of the lists that are wanted now.

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace mintmark::revoke
