#include "revoke/status_list_tokens.h"

#include <algorithm>
#include <deque>
#include <exception>
#include <map>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "jose/jws.h"
#include "verify/status_list_token.h"

namespace mintmark::revoke {
namespace {

using Steady = std::chrono::steady_clock;
using Name = std::pair<std::uint32_t, ListForm>;

std::string uri_of(const std::string& issuer, std::uint32_t list) {
  return issuer + "/status/" + std::to_string(list);
}
std::string aggregation_of(const std::string& issuer) { return issuer + "/statuslists"; }

/// A list's content, compressed once for both forms.
struct Compressed {
  std::uint64_t version = 0;
  unsigned bits = 1;
  std::shared_ptr<const Bytes> octets;
};

/// A making under way.
struct Making {
  Name name;
  std::uint64_t version = 0;
  Moment issued_at{};
  Steady::time_point began{};
};

}  // namespace

class StatusListTokens::State : public std::enable_shared_from_this<State> {
 public:
  State(ListTokenOptions options, Parts parts)
      : options_(std::move(options)), parts_(std::move(parts)) {}

  void start() {
    worker_ = std::thread([this] { work(); });
  }

  void stop() {
    {
      const MutexLock lock(mutex_);
      stopped_ = true;
    }
    wanted_changed_.notify_all();
    worker_.join();
    {
      // A signature that is under way may come when whoever was told of it is gone.
      const MutexLock lock(telling_);
      told_last_ = true;
    }
    std::deque<Name> left;
    {
      const MutexLock lock(mutex_);
      left.swap(wanted_);
    }
    for (const Name& name : left)
      finish({name, 0, {}, Steady::now()}, unavailable("the issuer is stopping"));
  }

  void get(const Name& name, Given given) {
    const std::uint64_t version = parts_.indexes.version(name.first);
    MutexLock lock(mutex_);
    if (version == 0) {
      forget(name.first);
      lock.unlock();
      return given(fail(Code::status_list_unknown, "there is no such status list, or no more"));
    }
    Entry& entry = entries_[name];
    const Moment now = parts_.clock.now();
    if (!is_due(entry, version, now)) {
      const auto token = entry.token;
      lock.unlock();
      return given(token);
    }
    if (!entry.making && (stopped_ || !may_make(entry))) {
      const auto last = last_good(entry, now);
      lock.unlock();
      return given(last ? Result<std::shared_ptr<const ListToken>>(last)
                        : unavailable("its token could not be signed just now"));
    }
    entry.waiting.push_back(std::move(given));
    if (entry.making) return;
    entry.making = true;
    entry.tried_last = Steady::now();
    wanted_.push_back(name);
    lock.unlock();
    wanted_changed_.notify_one();
  }

  [[nodiscard]] const ListTokenOptions& options() const { return options_; }
  [[nodiscard]] const StatusIndexes& indexes() const { return parts_.indexes; }

 private:
  struct Entry {
    std::shared_ptr<const ListToken> token;
    std::uint64_t version = 0;  // Of the list when it was made.
    bool making = false;
    std::optional<Steady::time_point> tried_last;
    std::vector<Given> waiting;
  };

  static tl::unexpected<Error> unavailable(const std::string& why) {
    return fail(Code::status_list_unavailable, "the status list: " + why);
  }

  [[nodiscard]] bool is_due(const Entry& entry, std::uint64_t version, Moment now) const {
    return !entry.token || entry.version < version || is_dated_ahead(*entry.token, now) ||
           now >= entry.token->good_until - options_.life / 2;
  }
  [[nodiscard]] bool may_make(const Entry& entry) const {
    return !entry.tried_last || Steady::now() - *entry.tried_last >= options_.pause;
  }
  /// Made before the clock went back: verifiers would believe it for longer than it was meant.
  [[nodiscard]] bool is_dated_ahead(const ListToken& token, Moment now) const {
    return now < token.good_until - options_.life;
  }
  [[nodiscard]] std::shared_ptr<const ListToken> last_good(const Entry& entry, Moment now) const {
    const bool good =
        entry.token && now < entry.token->good_until && !is_dated_ahead(*entry.token, now);
    return good ? entry.token : nullptr;
  }

  void forget(std::uint32_t list) MINTMARK_REQUIRES(mutex_) {
    compressed_.erase(list);
    std::erase_if(entries_,
                  [&](const auto& one) { return one.first.first == list && !one.second.making; });
  }

  void work() {
    for (;;) {
      MutexLock lock(mutex_);
      while (!stopped_ && wanted_.empty()) wanted_changed_.wait(mutex_);
      if (stopped_) return;
      const Name name = wanted_.front();
      wanted_.pop_front();
      forget_what_is_over();
      lock.unlock();
      make_or_say_why(name);
    }
  }

  void make_or_say_why(const Name& name) {
    try {
      make(name);
    } catch (const std::exception& problem) {  // Out of memory: the next one may fit again.
      finish({name, 0, {}, Steady::now()}, fail(Code::internal, problem.what()));
    }
  }

  void forget_what_is_over() MINTMARK_REQUIRES(mutex_) {
    std::vector<std::uint32_t> over;
    for (const auto& [name, entry] : entries_) {
      if (parts_.indexes.version(name.first) == 0) over.push_back(name.first);
    }
    for (const std::uint32_t list : over) forget(list);
  }

  Result<Compressed> content_of(std::uint32_t list) {
    auto content = parts_.indexes.content(list);
    if (!content) return pass_on(content);
    {
      const MutexLock lock(mutex_);
      const auto found = compressed_.find(list);
      if (found != compressed_.end() && found->second.version == content->version)
        return found->second;
    }
    Compressed compressed{content->version, content->bits,
                          std::make_shared<const Bytes>(verify::compressed_list(content->octets))};
    const MutexLock lock(mutex_);
    compressed_[list] = compressed;
    return compressed;
  }

  void make(const Name& name) {
    Making making{name, 0, std::chrono::floor<std::chrono::seconds>(parts_.clock.now()),
                  Steady::now()};
    auto content = content_of(name.first);
    if (!content) return finish(making, pass_on(content));
    making.version = content->version;
    const auto input = [self = shared_from_this(), making,
                        content = *content](const jose::PublicKey& key) {
      const verify::StatusListClaims claims = self->claims_of(making, content);
      return making.name.second == ListForm::jwt ? verify::status_list_jwt_input(claims, key)
                                                 : verify::status_list_cwt_input(claims, key);
    };
    parts_.sign(input, Deadline::in(options_.patience),
                [self = shared_from_this(), making](Result<SignedInput> made) {
                  self->finish(making, std::move(made));
                });
  }

  [[nodiscard]] verify::StatusListClaims claims_of(const Making& making,
                                                   const Compressed& content) const {
    return {.issuer = options_.issuer,
            .uri = uri_of(options_.issuer, making.name.first),
            .aggregation_uri = aggregation_of(options_.issuer),
            .issued_at = making.issued_at,
            .life = options_.life,
            .ttl = options_.ttl,
            .bits = content.bits,
            .compressed = *content.octets};
  }

  [[nodiscard]] std::shared_ptr<const ListToken> token_of(const Making& making,
                                                          const SignedInput& made) const {
    std::string body = making.name.second == ListForm::jwt
                           ? jose::compact(made.input, made.signature)
                           : verify::status_list_cwt(made.input, made.signature);
    constexpr std::size_t tag_octets = 16;
    std::string etag = '"' + to_hex(BytesView(sha256(body)).first(tag_octets)) + '"';
    return std::make_shared<const ListToken>(ListToken{
        std::move(body), std::move(etag), options_.ttl, making.issued_at + options_.life});
  }

  void tell(const Making& making, const ListToken* token, const Error* trouble) {
    const MutexLock lock(telling_);
    if (!parts_.built || told_last_) return;
    parts_.built({making.name.second, Steady::now() - making.began,
                  token == nullptr ? 0 : token->body.size(), trouble});
  }

  void finish(const Making& making, Result<SignedInput> made) {
    const auto token = made ? token_of(making, *made) : nullptr;
    tell(making, token.get(), made ? nullptr : &made.error());
    std::vector<Given> waiting;
    std::shared_ptr<const ListToken> given;
    {
      const MutexLock lock(mutex_);
      Entry& entry = entries_[making.name];
      entry.making = false;
      if (token) {
        entry.token = token;
        entry.version = making.version;
      }
      waiting.swap(entry.waiting);
      given = last_good(entry, parts_.clock.now());
    }
    for (const Given& one : waiting) {
      if (given)
        one(given);
      else
        one(unavailable(made ? "the clock has moved away from its token" : made.error().detail));
    }
  }

  const ListTokenOptions options_;
  const Parts parts_;
  Mutex mutex_;
  std::map<Name, Entry> entries_ MINTMARK_GUARDED_BY(mutex_);
  std::map<std::uint32_t, Compressed> compressed_ MINTMARK_GUARDED_BY(mutex_);
  std::deque<Name> wanted_ MINTMARK_GUARDED_BY(mutex_);
  bool stopped_ MINTMARK_GUARDED_BY(mutex_) = false;
  Condition wanted_changed_;
  Mutex telling_;
  bool told_last_ MINTMARK_GUARDED_BY(telling_) = false;
  std::thread worker_;
};

StatusListTokens::StatusListTokens(ListTokenOptions options, Parts parts)
    : state_(std::make_shared<State>(std::move(options), std::move(parts))) {
  state_->start();
}

StatusListTokens::~StatusListTokens() { state_->stop(); }

void StatusListTokens::get(std::uint32_t list, ListForm form, Given given) {
  state_->get({list, form}, std::move(given));
}

std::string StatusListTokens::uri(std::uint32_t list) const {
  return uri_of(state_->options().issuer, list);
}

std::chrono::seconds StatusListTokens::ttl() const { return state_->options().ttl; }

std::string StatusListTokens::aggregation_uri() const {
  return aggregation_of(state_->options().issuer);
}

std::vector<std::string> StatusListTokens::uris() const {
  std::vector<std::string> all;
  for (const std::uint32_t list : state_->indexes().lists()) all.push_back(uri(list));
  return all;
}

}  // namespace mintmark::revoke
