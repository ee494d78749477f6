// The keeper and the issuer's keys: what operators do with them, and what is told of them.
#include <algorithm>
#include <memory>
#include <set>

#include "admin/keeper_endpoints.h"
#include "keyring/left_store.h"
#include "programs/mintd/keeper.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

constexpr std::chrono::seconds patience_with_hardware{20};

using store::KeyRecord;
using store::KeyState;
using telemetry::Level;

void log_state(const KeyRecord& key) {
  telemetry::log(Level::info, "key_state",
                 {{"state", std::string(name_of(key.state))},
                  {"kid", key.kid},
                  {"id", key.id},
                  {"store", key.store},
                  {"purpose", key.purpose},
                  {"algorithm", key.algorithm},
                  {"revoked", key.revoked() ? "yes" : "no"}});
}

/// An intent that came to nothing is told of by what kept it from coming to more.
bool is_nothing(const KeyRecord& key) {
  return key.kid.empty() && key.state == KeyState::destroyed;
}

/// What an operator is told of one key after a change.
Json brief(const KeyRecord& key) {
  return {{"kid", key.kid},
          {"store", key.store},
          {"purpose", key.purpose},
          {"algorithm", key.algorithm},
          {"state", name_of(key.state)}};
}

const KeyRecord* active_like(const std::vector<KeyRecord>& all, const KeyRecord& key) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const KeyRecord& other) {
    return other.state == KeyState::active && other.store == key.store &&
           other.purpose == key.purpose && other.algorithm == key.algorithm;
  });
  return found == all.end() ? nullptr : &*found;
}

const KeyRecord* with_kid(const std::vector<KeyRecord>& all, const std::string& kid) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const KeyRecord& key) { return key.kid == kid; });
  return found == all.end() ? nullptr : &*found;
}

Error not_in_journal(const std::string& kid) {
  return {Code::key_not_found,
          "no key " + printable(kid) +
              " in the journal (mintctl keys list); one without a record signs nothing, and "
              "mintctl keys give-up ends it in the hardware",
          0};
}

}  // namespace

bool Keeper::signs_elsewhere(const keyring::KeyKind& kind, const std::string& store) const {
  const auto& keys = publisher_->snapshot();
  if (!keys) return false;
  const auto signing = keys->signing(kind);
  return std::any_of(signing.begin(), signing.end(), [&](const keyring::PublishedKey* key) {
    return key->store != store &&
           std::any_of(signers_.begin(), signers_.end(), [&](const auto& signer) {
             return signer->name() == key->store && signer->is_ready();
           });
  });
}

keyring::Surroundings Keeper::surroundings(const std::string& store) {
  return {
      .in_force_since = [this] { return publisher_->in_force_since(); },
      .covered =
          [this](const std::string& kid) { return coverage_.covered(kid, context_.clock.now()); },
      .elsewhere = [this,
                    store](const keyring::KeyKind& kind) { return signs_elsewhere(kind, store); },
      .changed = [this](std::span<const KeyRecord> records) { journal_changed(records); },
      .signing = {}};
}

void Keeper::journal_changed(std::span<const KeyRecord> records) {
  for (const KeyRecord& key : records) {
    if (!is_nothing(key)) log_state(key);
  }
  if (auto published = publisher_->refresh(); !published)
    telemetry::log(Level::error, "keys_not_published", published.error());
}

void Keeper::leave_stores_behind() {
  const auto all = key_states_->list();
  if (!all) return log_once("journal_not_read", tl::unexpected<Error>(all.error()));
  std::set<std::string> configured;
  for (const auto& signer : signers_) configured.insert(signer->name());
  const auto moved = keyring::leave_behind(
      *all, configured, signers_.front()->lifecycle().plan().skew, clock_mark_->now());
  if (moved.empty()) return;
  if (auto written = key_states_->put(moved); !written)
    return log_once("journal_not_written", written);
  for (const KeyRecord& key : moved) {
    if (key.state == KeyState::retired)
      telemetry::log(Level::warning, "key_store_left_behind",
                     {{"store", key.store}, {"kid", key.kid}});
  }
  journal_changed(moved);
}

admin::KeyChanges Keeper::key_changes() {
  return {.rotate = [this](std::optional<hsm::Purpose> purpose,
                           const hsm::Done<Json>& done) { rotate(purpose, done); },
          .revoke = [this](const std::string& kid, const std::string& why,
                           const hsm::Done<Json>& done) { revoke(kid, why, done); },
          .would_revoke = [this](const std::string& kid,
                                 const http::Respond& respond) { would_revoke(kid, respond); },
          .adopt =
              [this](const std::string& kid, const hsm::Done<Json>& done) {
                change_one(kid, done, [kid](keyring::Lifecycle& keys) { return keys.adopt(kid); });
              },
          .give_up =
              [this](const std::string& kid, const hsm::Done<Json>& done) {
                change_one(kid, done,
                           [kid](keyring::Lifecycle& keys) { return keys.give_up(kid); });
              },
          .accept_clock = [this](const hsm::Done<Json>& done) { accept_clock(done); }};
}

void Keeper::reconcile_all(const std::function<void()>& done) {
  auto left = std::make_shared<std::size_t>(signers_.size());
  for (const auto& signer : signers_) {
    signer->reconcile([left, done](const Result<void>& /*outcome*/) {
      if (--*left == 0) done();
    });
  }
}

void Keeper::rotate(std::optional<hsm::Purpose> purpose, const hsm::Done<Json>& done) {
  std::vector<std::string> asked;
  std::optional<Error> refused;
  for (const auto& signer : signers_) {
    auto kids = signer->lifecycle().ask_for_rotation(purpose);
    if (!kids && !refused) refused = kids.error();
    if (kids) asked.insert(asked.end(), kids->begin(), kids->end());
  }
  if (asked.empty()) return done(tl::unexpected<Error>(std::move(*refused)));
  telemetry::log(Level::info, "key_rotation_asked", {{"keys", std::to_string(asked.size())}});
  reconcile_all([this, asked, done] {
    publisher_->when_in_force([this, asked, done] {
      const auto all = key_states_->list();
      if (!all) return done(tl::unexpected<Error>(all.error()));
      Json rotations = Json::array();
      for (const std::string& kid : asked) {
        const KeyRecord* key = with_kid(*all, kid);
        if (key == nullptr) continue;
        Json one = describe(*key, *all);
        const KeyRecord* now = active_like(*all, *key);
        one["signs_now"] = now == nullptr ? Json() : Json(now->kid);
        rotations.push_back(std::move(one));
      }
      done(Json{{"rotations", std::move(rotations)}, {"warnings", warnings()}});
    });
  });
}

Result<SignerSlot*> Keeper::slot_of(const std::string& kid) {
  const auto all = key_states_->list();
  if (!all) return tl::unexpected<Error>(all.error());
  const KeyRecord* key = with_kid(*all, kid);
  for (const auto& signer : signers_) {
    if (key != nullptr && key->store == signer->name()) return signer.get();
    const auto& orphans = signer->lifecycle().orphans();
    if (std::any_of(orphans.begin(), orphans.end(),
                    [&](const keyring::Orphan& orphan) { return orphan.kid == kid; }))
      return signer.get();
  }
  return fail(Code::key_not_found,
              "no key " + printable(kid) + " here; mintctl keys list shows them");
}

void Keeper::revoke(const std::string& kid, const std::string& why, const hsm::Done<Json>& done) {
  const auto all = key_states_->list();
  if (!all) return done(tl::unexpected<Error>(all.error()));
  const KeyRecord* key = with_kid(*all, kid);
  if (key == nullptr) return done(tl::unexpected<Error>(not_in_journal(kid)));
  const bool signed_until_now = key->state == KeyState::active;
  const auto signer = std::find_if(signers_.begin(), signers_.end(),
                                   [&](const auto& one) { return one->name() == key->store; });
  const bool has_store = signer != signers_.end();
  const auto taken_back =
      has_store ? (*signer)->lifecycle().revoke(kid, why) : revoke_left_behind(*key, why);
  if (!taken_back) return done(tl::unexpected<Error>(taken_back.error()));
  telemetry::log(Level::warning, "key_revoked", {{"kid", kid}, {"why", why}});

  struct Wait {
    explicit Wait(boost::asio::io_context& io) : timer(io) {}
    boost::asio::steady_timer timer;
    bool over = false;
  };
  auto wait = std::make_shared<Wait>(context_.io);
  const auto answer = [this, wait, kid, signed_until_now, news = *taken_back,
                       done](const Result<void>& hardware) {
    if (std::exchange(wait->over, true)) return;
    wait->timer.cancel();
    publisher_->when_in_force([this, kid, signed_until_now, news, hardware, done] {
      tell_revoked(kid, signed_until_now, news, hardware, done);
    });
  };
  if (!has_store)
    return answer(fail(Code::hsm_unavailable,
                       "its key store is not configured any more: end the "
                       "key there yourself"));
  // In an emergency nobody waits for a token that is slow, or hangs.
  wait->timer.expires_after(patience_with_hardware);
  wait->timer.async_wait([answer](boost::system::error_code error) {
    if (!error) answer(fail(Code::deadline_passed, "the hardware has not answered yet"));
  });
  (*signer)->reconcile(answer);
}

// The journal says which keys there are; the front alone knows what is out.
void Keeper::would_revoke(const std::string& kid, const http::Respond& respond) {
  const auto all = key_states_->list();
  if (!all) return respond(admin::error_response(all.error()));
  if (with_kid(*all, kid) == nullptr) return respond(admin::error_response(not_in_journal(kid)));
  http::Request question;
  question.method = "POST";
  question.target = question.path = "/admin/v1/tokens/revoke";
  question.body = Json{{"key", kid}, {"dry_run", true}}.dump();
  front_->ask(question, respond);
}

Result<bool> Keeper::revoke_left_behind(KeyRecord key, const std::string& why) {
  if (key.revoked()) return false;
  key.revoked_why = why;
  key.become(KeyState::destroyed, clock_mark_->now());
  if (auto written = key_states_->put(key); !written) return pass_on(written);
  journal_changed(std::span(&key, 1));
  return true;
}

void Keeper::tell_revoked(const std::string& kid, bool signed_until_now, bool news,
                          const Result<void>& hardware, const hsm::Done<Json>& done) const {
  const auto all = key_states_->list();
  if (!all) return done(tl::unexpected<Error>(all.error()));
  const KeyRecord* revoked = with_kid(*all, kid);
  if (revoked == nullptr)
    return done(fail(Code::key_not_found, "the record of " + kid + " is gone"));
  Json answer = brief(*revoked);
  answer["was_revoked_before"] = !news;
  answer["ended_in_hardware"] = revoked->state == KeyState::destroyed && hardware.has_value();
  if (!hardware) answer["trouble"] = hardware.error().to_string();
  if (signed_until_now) {
    const KeyRecord* next = active_like(*all, *revoked);
    answer["signs_now"] = next == nullptr ? Json() : Json(next->kid);
    // Shorter ahead than verifiers may keep what they have: they will look it up.
    answer["verifiers_may_know_it"] =
        next != nullptr &&
        next->at(KeyState::published) + 2 * context_.in_force.config.keys.max_age <=
            clock_mark_->now();
  }
  done(std::move(answer));
}

void Keeper::change_one(const std::string& kid, const hsm::Done<Json>& done,
                        const std::function<Result<void>(keyring::Lifecycle&)>& change) {
  auto slot = slot_of(kid);
  if (!slot) return done(pass_on(slot));
  if (auto changed = change((*slot)->lifecycle()); !changed) return done(pass_on(changed));
  telemetry::log(Level::info, "key_changed", {{"kid", kid}});
  (*slot)->reconcile([this, kid, done](const Result<void>& outcome) {
    const auto all = key_states_->list();
    if (!all) return done(tl::unexpected<Error>(all.error()));
    const KeyRecord* key = with_kid(*all, kid);
    Json answer = key == nullptr ? Json{{"kid", kid}} : describe(*key, *all);
    if (!outcome) answer["trouble"] = outcome.error().to_string();
    done(std::move(answer));
  });
}

void Keeper::accept_clock(const hsm::Done<Json>& done) {
  const Moment before = clock_mark_->mark();
  if (auto accepted = clock_mark_->accept_present(); !accepted) return done(pass_on(accepted));
  front_->accept_clock();
  telemetry::log(Level::warning, "clock_accepted",
                 {{"mark_before", std::to_string(to_unix(before))},
                  {"mark_now", std::to_string(to_unix(clock_mark_->mark()))}});
  done(Json{{"mark_before", to_unix(before)}, {"mark", to_unix(clock_mark_->mark())}});
}

void Keeper::generate(const hsm::KeySpec& spec, hsm::Done<Json> done) {
  // The endpoint makes TLS keys only: in the store that the front's TLS is to use, else the first.
  const auto& tls = context_.in_force.config.tls;
  const auto wanted = std::find_if(signers_.begin(), signers_.end(), [&](const auto& signer) {
    return tls && signer->name() == tls->key_store;
  });
  SignerSlot& signer = wanted == signers_.end() ? *signers_.front() : **wanted;
  signer.generate(spec, std::move(done));
}

Json Keeper::describe(const KeyRecord& key, const std::vector<KeyRecord>& all) const {
  Json json = brief(key);
  json["id"] = key.id;
  json["created_at"] = to_unix(key.at(KeyState::planned));
  json["changed_at"] = to_unix(key.at(key.state));
  for (std::size_t i = 0; i < store::key_states; ++i) {
    if (key.since.at(i) == Moment{}) continue;
    json["since"][std::string(name_of(static_cast<KeyState>(i)))] = to_unix(key.since.at(i));
  }
  if (key.revoked()) json["revoked_why"] = key.revoked_why;
  const auto coverage = coverage_.of(key.kid, clock_mark_->now());
  const bool waited_for = key.state == KeyState::published || key.state == KeyState::active;
  if (waited_for && coverage.listed > 0 && key.purpose == name_of(hsm::Purpose::access_token)) {
    json["coverage"] = {{"listed", coverage.listed},
                        {"holding", coverage.holding},
                        {"missing", coverage.missing},
                        {"silent", coverage.silent}};
  }
  const auto signer = std::find_if(signers_.begin(), signers_.end(),
                                   [&](const auto& one) { return one->name() == key.store; });
  if (signer == signers_.end()) return json;
  std::vector<KeyRecord> of_store;
  std::copy_if(all.begin(), all.end(), std::back_inserter(of_store),
               [&](const KeyRecord& other) { return other.store == key.store; });
  const KeyRecord* own = with_kid(of_store, key.kid);
  const auto next = own == nullptr
                        ? std::nullopt
                        : keyring::forecast(*own, of_store, (*signer)->lifecycle().plan());
  if (next) json["next"] = {{"state", name_of(next->next)}, {"at", to_unix(next->at)}};
  return json;
}

Result<Json> Keeper::keys() const {
  const auto all = key_states_->list();
  if (!all) return tl::unexpected<Error>(all.error());
  Json list = Json::array();
  for (const KeyRecord& key : *all) list.push_back(describe(key, *all));
  Json orphans = Json::array();
  for (const auto& signer : signers_) {
    for (const keyring::Orphan& orphan : signer->lifecycle().orphans()) {
      orphans.push_back({{"kid", orphan.kid},
                         {"id", orphan.id},
                         {"store", signer->name()},
                         {"purpose", orphan.purpose},
                         {"algorithm", orphan.algorithm},
                         {"unfit", orphan.unfit}});
    }
  }
  return Json{{"keys", std::move(list)},
              {"orphans", std::move(orphans)},
              {"verifiers", coverage_.to_json()},
              {"warnings", warnings()}};
}

Json Keeper::key_figures() const {
  Json figures = Json::array();
  const auto all = key_states_->list();
  if (!all) return figures;
  for (const KeyRecord& key : *all) {
    if (key.state != KeyState::active && key.state != KeyState::published) continue;
    const Json described = describe(key, *all);
    if (key.state == KeyState::published) {
      if (!described.contains("coverage")) continue;
      figures.push_back({{"store", key.store},
                         {"purpose", key.purpose},
                         {"algorithm", key.algorithm},
                         {"verifiers_listed", described["coverage"]["listed"]},
                         {"verifiers_holding", described["coverage"]["holding"]}});
      continue;
    }
    figures.push_back(
        {{"store", key.store},
         {"purpose", key.purpose},
         {"algorithm", key.algorithm},
         {"active_since", to_unix(key.at(KeyState::active))},
         {"rotation_due", described.contains("next") ? described["next"]["at"] : Json(0)}});
  }
  return figures;
}

std::vector<std::string> Keeper::warnings() const {
  std::vector<std::string> all;
  for (const auto& signer : signers_) {
    for (const std::string& trouble : signer->lifecycle().troubles())
      all.push_back("keys of " + signer->name() + ": " + trouble);
  }
  return all;
}

}  // namespace mintmark::mintd
