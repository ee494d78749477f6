#include "revoke/signals/streams.h"

#include <algorithm>

#include "base/bytes.h"
#include "jose/base64url.h"
#include "revoke/signals/subjects.h"

namespace mintmark::revoke::signals {
namespace {

constexpr std::size_t id_octets = 16;
constexpr std::size_t longest_id = 64;
constexpr std::size_t longest_reason = 512;
constexpr std::size_t longest_state = 1024;

tl::unexpected<Error> unknown() {
  return fail(Code::ssf_stream_unknown, "this service has no such stream");
}

std::string secret_text(const std::shared_ptr<const Secret>& secret) {
  return secret ? std::string(as_text(secret->view())) : std::string();
}

Result<Json> parsed(const std::string& text) {
  return parse_json(text, {.octets = 1U << 20U, .depth = 16, .elements = 1U << 16U});
}

}  // namespace

Streams::Streams(std::string issuer, EndpointRules rules, Parts parts, StreamLimits limits)
    : issuer_(std::move(issuer)),
      rules_(std::move(rules)),
      parts_(std::move(parts)),
      limits_(limits) {}

Result<void> Streams::load() {
  auto rows = parts_.store.list();
  if (!rows) return pass_on(rows);
  for (store::SignalRow& row : *rows) {
    auto entry = std::make_shared<Entry>();
    const MutexLock alone(entry->mutex);
    entry->id = row.id;
    entry->service = row.service;
    const auto settings = parsed(row.settings).and_then(StreamSettings::from_json);
    const auto state = parsed(row.state).and_then(StreamState::from_json);
    if (!settings) return tl::unexpected<Error>(settings.error());
    if (!state) return tl::unexpected<Error>(state.error());
    entry->settings = *settings;
    entry->state = *state;
    if (!row.authorization.empty())
      entry->settings.authorization =
          std::make_shared<const Secret>(Secret::take(row.authorization));
    const MutexLock lock(mutex_);
    entries_[row.id] = entry;
  }
  return {};
}

Streams::Found Streams::find(const std::string& id) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second;
}

std::vector<Streams::Found> Streams::all() const {
  const MutexLock lock(mutex_);
  std::vector<Found> found;
  for (const auto& [id, entry] : entries_) found.push_back(entry);
  return found;
}

Result<Streams::Found> Streams::own(const Owner& owner, const std::string& id) const {
  auto entry = find(id);
  if (!entry || entry->service != owner.service) return unknown();
  return entry;
}

Result<Streams::Found> Streams::named(const Owner& owner, const Json& wish) const {
  const auto id = text_in(wish, "stream_id", longest_id);
  if (!id) return tl::unexpected<Error>(id.error());
  if (!*id) return fail(Code::ssf_stream_malformed, "stream_id must be there");
  return own(owner, **id);
}

void Streams::wake() const {
  if (parts_.wake) parts_.wake();
}

Result<void> Streams::keep(Entry& entry) const {
  store::SignalRow row{entry.id, entry.service, entry.settings.to_json().dump(),
                       secret_text(entry.settings.authorization), entry.state.to_json().dump()};
  auto put = parts_.store.put(row);
  wipe(row.authorization);
  return put;
}

Result<void> Streams::keep_state(Entry& entry) const {
  return parts_.store.set_state(entry.id, entry.state.to_json().dump());
}

Json Streams::configuration(const Entry& entry) const {
  const StreamSettings& settings = entry.settings;
  const auto& aud = settings.audience;
  Json json = {
      {"stream_id", entry.id},
      {"iss", issuer_},
      {"aud", aud.size() == 1 ? Json(aud.front()) : Json(aud)},
      {"events_supported", supported_events()},
      {"events_delivered", settings.delivered()},
      {"min_verification_interval", limits_.between_verifications.count()},
      {"delivery",
       {{"method", settings.push ? push_method : poll_method},
        {"endpoint_url", settings.push ? settings.endpoint : issuer_ + "/ssf/poll/" + entry.id}}}};
  if (settings.requested) json["events_requested"] = *settings.requested;
  if (!settings.description.empty()) json["description"] = settings.description;
  return json;
}

// SSF 1.0 §8.1.1.3: what the transmitter supplies may stand there, and must be what it is.
Result<void> Streams::check_supplied(const Entry& entry, const Json& wish) const {
  const Json now = configuration(entry);
  for (const char* name :
       {"iss", "aud", "events_supported", "events_delivered", "min_verification_interval"}) {
    const auto said = wish.find(name);
    if (said == wish.end() || *said == now[name]) continue;
    return fail(Code::ssf_stream_malformed,
                std::string(name) + " is the issuer's to say: leave it out, or send it as it is");
  }
  return {};
}

Result<Json> Streams::create(const Owner& owner, const Json& wish) {
  auto settings = settings_of_new(wish, owner, rules_);
  if (!settings) return pass_on(settings);
  auto entry = std::make_shared<Entry>();
  entry->id = jose::random_name(id_octets);
  entry->service = owner.service;
  const MutexLock alone(entry->mutex);
  entry->settings = std::move(*settings);
  const Position now = parts_.log.position();
  entry->state.log = now.log;
  entry->state.walked = {now.seq + 1, 0};

  const MutexLock lock(mutex_);
  const auto of_service = std::count_if(entries_.begin(), entries_.end(), [&](const auto& one) {
    return one.second->service == owner.service;
  });
  if (static_cast<std::size_t>(of_service) >= limits_.of_service ||
      entries_.size() >= limits_.of_all)
    return fail(Code::ssf_stream_exists, "this service has as many streams as it may: " +
                                             std::to_string(of_service) + "; change or delete one");
  if (auto kept = keep(*entry); !kept) return pass_on(kept);
  entries_[entry->id] = entry;
  return configuration(*entry);
}

Result<Json> Streams::read(const Owner& owner, const std::string& id) const {
  const auto entry = own(owner, id);
  if (!entry) return tl::unexpected<Error>(entry.error());
  const MutexLock lock((*entry)->mutex);
  return configuration(**entry);
}

Json Streams::read_all(const Owner& owner) const {
  Json list = Json::array();
  for (const Found& entry : all()) {
    if (entry->service != owner.service) continue;
    const MutexLock lock(entry->mutex);
    list.push_back(configuration(*entry));
  }
  return list;
}

template <typename Read>
Result<Json> Streams::change(const Owner& owner, const Json& wish, Read read_wish) {
  const auto entry = named(owner, wish);
  if (!entry) return tl::unexpected<Error>(entry.error());
  const MutexLock lock((*entry)->mutex);
  if ((*entry)->gone) return unknown();
  if (auto right = check_supplied(**entry, wish); !right) return pass_on(right);
  auto settings = read_wish(wish, (*entry)->settings, rules_);
  if (!settings) return pass_on(settings);
  std::swap((*entry)->settings, *settings);
  if (auto kept = keep(**entry); !kept) {
    std::swap((*entry)->settings, *settings);
    return pass_on(kept);
  }
  wake();
  return configuration(**entry);
}

Result<Json> Streams::update(const Owner& owner, const Json& changes) {
  return change(owner, changes, settings_changed);
}

Result<Json> Streams::replace(const Owner& owner, const Json& whole) {
  return change(owner, whole, settings_replaced);
}

Result<void> Streams::remove(const Owner& owner, const std::string& id) {
  const auto entry = own(owner, id);
  if (!entry) return tl::unexpected<Error>(entry.error());
  const MutexLock lock((*entry)->mutex);
  if (auto erased = parts_.store.erase(id); !erased) return erased;
  (*entry)->gone = true;
  const MutexLock map_lock(mutex_);
  entries_.erase(id);
  return {};
}

Result<Json> Streams::status(const Owner& owner, const std::string& id) const {
  const auto entry = own(owner, id);
  if (!entry) return tl::unexpected<Error>(entry.error());
  const MutexLock lock((*entry)->mutex);
  Json json = {{"stream_id", id}, {"status", name_of((*entry)->state.status)}};
  if (!(*entry)->state.reason.empty()) json["reason"] = (*entry)->state.reason;
  return json;
}

Result<Json> Streams::set_status(const Owner& owner, const Json& wish) {
  const auto found = named(owner, wish);
  if (!found) return tl::unexpected<Error>(found.error());
  const auto status_text = text_in(wish, "status", longest_id);
  if (!status_text) return tl::unexpected<Error>(status_text.error());
  const auto wanted = status_named(status_text->value_or(""));
  if (!wanted)
    return fail(Code::ssf_stream_malformed, "status must be enabled, paused or disabled");
  auto reason = text_in(wish, "reason", longest_reason);
  if (!reason) return pass_on(reason);
  Entry& entry = **found;
  {
    const MutexLock lock(entry.mutex);
    if (entry.gone) return unknown();
    StreamState next = entry.state;
    // What came while it was disabled was not held (§8.1.2.1).
    if (next.status == Status::disabled && *wanted != Status::disabled) {
      const Position now = parts_.log.position();
      next.log = now.log;
      next.walked = {now.seq + 1, 0};
      next.waiting.clear();
    }
    if (*wanted == Status::disabled) next.notices.clear();
    next.status = *wanted;
    next.reason = reason->value_or("");
    next.failing_since = {};
    std::swap(entry.state, next);
    if (auto kept = keep_state(entry); !kept) {
      std::swap(entry.state, next);
      return pass_on(kept);
    }
  }
  wake();
  return status(owner, entry.id);
}

Result<void> Streams::add_subject(const Owner& owner, const Json& wish) {
  const auto found = named(owner, wish);
  if (!found) return tl::unexpected<Error>(found.error());
  const Json subject = wish.value("subject", Json());
  if (auto good = check_subject(subject); !good) return good;
  if (wish.contains("verified") && !wish["verified"].is_boolean())
    return fail(Code::ssf_subject_malformed, "verified must be true or false");
  Entry& entry = **found;
  const MutexLock lock(entry.mutex);
  // All are there from the start (default_subjects): only one that was removed comes back.
  if (std::erase(entry.settings.removed, subject) == 0) return {};
  return keep(entry);
}

Result<void> Streams::remove_subject(const Owner& owner, const Json& wish) {
  const auto found = named(owner, wish);
  if (!found) return tl::unexpected<Error>(found.error());
  const Json subject = wish.value("subject", Json());
  if (auto good = check_subject(subject); !good) return good;
  Entry& entry = **found;
  const MutexLock lock(entry.mutex);
  auto& removed = entry.settings.removed;
  if (std::find(removed.begin(), removed.end(), subject) != removed.end()) return {};
  if (removed.size() >= limits_.removed_subjects)
    return fail(Code::ssf_subject_malformed,
                "at most " + std::to_string(limits_.removed_subjects) + " subjects can be removed");
  removed.push_back(subject);
  auto kept = keep(entry);
  if (!kept) removed.pop_back();
  return kept;
}

Result<void> Streams::verify(const Owner& owner, const Json& wish) {
  const auto found = named(owner, wish);
  if (!found) return tl::unexpected<Error>(found.error());
  const auto echoed = text_in(wish, "state", longest_state);
  if (!echoed) return tl::unexpected<Error>(echoed.error());
  Entry& entry = **found;
  {
    const MutexLock lock(entry.mutex);
    StreamState next = entry.state;
    if (entry.gone) return unknown();
    if (next.status == Status::disabled)
      return fail(Code::ssf_stream_malformed, "the stream is disabled: nothing is sent over it");
    const auto wait = next.verified_at + limits_.between_verifications - now();
    if (wait.count() > 0) {
      Error often{Code::ssf_rate, "a verification was asked for a moment ago", 0};
      often.retry_after = static_cast<std::uint32_t>(wait.count());
      return tl::unexpected<Error>(std::move(often));
    }
    if (next.notices.size() >= limits_.notices)
      return fail(Code::ssf_queue_full, "earlier verification events still wait to be taken");
    const std::string jti = jose::random_name(id_octets);
    Json event = Json::object();
    if (*echoed) event["state"] = **echoed;
    next.notices.push_back({jti,
                            jti,
                            {std::string(verification),
                             {{"format", "opaque"}, {"id", entry.id}},
                             std::move(event),
                             ""}});
    next.verified_at = now();
    std::swap(entry.state, next);
    if (auto kept = keep_state(entry); !kept) {
      std::swap(entry.state, next);
      return kept;
    }
  }
  wake();
  return {};
}

}  // namespace mintmark::revoke::signals
