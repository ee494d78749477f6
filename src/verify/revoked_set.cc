#include "verify/revoked_set.h"

#include <algorithm>
#include <array>

namespace mintmark::verify {
namespace {

constexpr std::size_t most_jtis = 256;
constexpr std::size_t longest_name = 1024;
constexpr std::int64_t latest = std::int64_t{1}
                                << 53U;  // Beyond, JSON's readers differ (RFC 8259 §6).

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Code::event_malformed, "an entry of the event log: " + what);
}

bool is_name(const Json& value) {
  return value.is_string() && !value.get_ref<const std::string&>().empty() &&
         value.get_ref<const std::string&>().size() <= longest_name;
}

Result<std::string> name_in(const Json& entry, const char* member) {
  const auto found = entry.find(member);
  if (found == entry.end() || !is_name(*found)) {
    return malformed(std::string(member) + " must be text of 1 to " + std::to_string(longest_name) +
                     " octets");
  }
  return found->get<std::string>();
}

// RFC 7519 §2, whole seconds.
std::optional<Moment> moment_of(const Json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  const auto seconds = value.get<std::int64_t>();
  if (seconds < 0 || seconds > latest) return std::nullopt;
  return from_unix(seconds);
}

Result<Moment> moment_in(const Json& entry, const char* member) {
  const auto found = entry.find(member);
  const auto moment = found == entry.end() ? std::nullopt : moment_of(*found);
  if (!moment) return malformed(std::string(member) + " must be a time in seconds since 1970");
  return *moment;
}

tl::unexpected<Error> no_snapshot(const std::string& what) {
  return fail(Code::event_snapshot_malformed, "a snapshot of what was revoked: " + what);
}

// [before, until]
Result<std::pair<Moment, Moment>> span_of(const Json& value) {
  if (!value.is_array() || value.size() != 2) return no_snapshot("[before, until] is due");
  const auto before = moment_of(value[0]);
  const auto until = moment_of(value[1]);
  if (!before || !until) return no_snapshot("[before, until] must be two times");
  return std::pair(*before, *until);
}

Result<const Json*> object_in(const Json& json, const char* member) {
  const auto found = json.find(member);
  if (found == json.end() || !found->is_object())
    return no_snapshot(std::string(member) + " must be an object");
  return &*found;
}

}  // namespace

void RevokedSet::Table::put(const std::string& name, const Cut& cut) {
  const auto [known, is_new] = cuts_.try_emplace(name, cut);
  const bool ends_later = known->second.until < cut.until;
  if (is_new || ends_later) ends_[cut.until].push_back(name);
  known->second = {std::max(known->second.before, cut.before),
                   std::max(known->second.until, cut.until)};
}

const RevokedSet::Cut* RevokedSet::Table::find(std::string_view name) const {
  const auto found = cuts_.find(name);
  return found == cuts_.end() ? nullptr : &found->second;
}

void RevokedSet::Table::forget_ended_before(Moment moment, std::size_t most) {
  for (; most > 0 && !ends_.empty() && ends_.begin()->first < moment; --most) {
    auto& names = ends_.begin()->second;
    const auto found = cuts_.find(names.back());
    if (found != cuts_.end() && found->second.until < moment) cuts_.erase(found);
    names.pop_back();
    if (names.empty()) ends_.erase(ends_.begin());
  }
}

Result<void> RevokedSet::apply_tokens(const Json& entry, Moment until) {
  const auto jtis = entry.find("jtis");
  if (jtis == entry.end() || !jtis->is_array() || jtis->empty() || jtis->size() > most_jtis ||
      !std::all_of(jtis->begin(), jtis->end(), is_name)) {
    return malformed("jtis must be an array of 1 to " + std::to_string(most_jtis) + " texts");
  }
  for (const Json& jti : *jtis) tokens_.put(jti.get<std::string>(), {.before = {}, .until = until});
  return {};
}

Result<void> RevokedSet::apply_issued_before(const Json& entry, Moment until) {
  const auto before = moment_in(entry, "before");
  if (!before) return tl::unexpected<Error>(before.error());
  widen({*before, until});
  return {};
}

Result<void> RevokedSet::apply_device(const Json& entry, Moment until) {
  const auto device = name_in(entry, "sub");
  if (!device) return tl::unexpected<Error>(device.error());
  const auto before = moment_in(entry, "before");
  if (!before) return tl::unexpected<Error>(before.error());
  devices_.put(*device, {.before = *before, .until = until});
  return {};
}

Result<void> RevokedSet::apply(const Json& entry) {
  if (!entry.is_object()) return malformed("it must be an object");
  const auto type = name_in(entry, "type");
  if (!type) return tl::unexpected<Error>(type.error());
  constexpr std::array<std::string_view, 5> known{"token", "tokens", "device", "issued_before",
                                                  "key"};
  if (std::find(known.begin(), known.end(), *type) == known.end()) return {};
  const auto until = moment_in(entry, "until");
  if (!until) return tl::unexpected<Error>(until.error());
  if (*type == "tokens") return apply_tokens(entry, *until);
  if (*type == "device") return apply_device(entry, *until);
  if (*type == "issued_before") return apply_issued_before(entry, *until);
  const bool is_key = *type == "key";
  const auto name = name_in(entry, is_key ? "kid" : "jti");
  if (!name) return tl::unexpected<Error>(name.error());
  (is_key ? keys_ : tokens_).put(*name, {.before = {}, .until = *until});
  return {};
}

RevokedSet::Verdict RevokedSet::judge(const RevocableToken& token) const {
  if (keys_.find(token.kid) != nullptr) return Verdict::key_revoked;
  if (tokens_.find(token.jti) != nullptr) return Verdict::revoked;
  const Cut* device = devices_.find(token.subject);
  if (device != nullptr && token.issued_at < device->before) return Verdict::revoked;
  if (everybody_ && token.issued_at < everybody_->before) return Verdict::revoked;
  return Verdict::good;
}

void RevokedSet::merge(const RevokedSet& other) {
  for (const auto& [name, cut] : other.tokens_.all()) tokens_.put(name, cut);
  for (const auto& [name, cut] : other.devices_.all()) devices_.put(name, cut);
  for (const auto& [name, cut] : other.keys_.all()) keys_.put(name, cut);
  if (other.everybody_) widen(*other.everybody_);
}

void RevokedSet::widen(const Cut& cut) {
  const Cut known = everybody_.value_or(Cut{});
  everybody_ = Cut{std::max(known.before, cut.before), std::max(known.until, cut.until)};
}

void RevokedSet::forget(Moment now, std::size_t most) {
  const Moment ended = now - kept_past_end;
  tokens_.forget_ended_before(ended, most);
  devices_.forget_ended_before(ended, most);
  keys_.forget_ended_before(ended, most);
  if (everybody_ && everybody_->until < ended) everybody_.reset();
}

Json RevokedSet::to_json() const {
  Json json = {{"tokens", Json::object()}, {"devices", Json::object()}, {"keys", Json::object()}};
  for (const auto& [name, cut] : tokens_.all()) json["tokens"][name] = to_unix(cut.until);
  for (const auto& [name, cut] : keys_.all()) json["keys"][name] = to_unix(cut.until);
  for (const auto& [name, cut] : devices_.all())
    json["devices"][name] = {to_unix(cut.before), to_unix(cut.until)};
  if (everybody_) json["issued_before"] = {to_unix(everybody_->before), to_unix(everybody_->until)};
  return json;
}

Result<void> RevokedSet::read_names(const Json& json, const char* member, Table& table) {
  const auto names = object_in(json, member);
  if (!names) return tl::unexpected<Error>(names.error());
  for (const auto& [name, value] : (*names)->items()) {
    const auto until = moment_of(value);
    if (!until) return no_snapshot(std::string(member) + " must say until when each is wanted");
    table.put(name, {.before = {}, .until = *until});
  }
  return {};
}

Result<void> RevokedSet::read_devices(const Json& json) {
  const auto names = object_in(json, "devices");
  if (!names) return tl::unexpected<Error>(names.error());
  for (const auto& [name, value] : (*names)->items()) {
    const auto span = span_of(value);
    if (!span) return tl::unexpected<Error>(span.error());
    devices_.put(name, {span->first, span->second});
  }
  return {};
}

Result<RevokedSet> RevokedSet::from_json(const Json& json) {
  if (!json.is_object()) return no_snapshot("it must be an object");
  RevokedSet set;
  if (auto read = read_names(json, "tokens", set.tokens_); !read) return pass_on(read);
  if (auto read = read_names(json, "keys", set.keys_); !read) return pass_on(read);
  if (auto read = set.read_devices(json); !read) return pass_on(read);
  const auto cut = json.find("issued_before");
  if (cut == json.end()) return set;
  const auto span = span_of(*cut);
  if (!span) return tl::unexpected<Error>(span.error());
  set.everybody_ = Cut{span->first, span->second};
  return set;
}

std::size_t RevokedSet::size() const {
  return tokens_.all().size() + devices_.all().size() + keys_.all().size() + (everybody_ ? 1U : 0U);
}

std::set<std::string> RevokedSet::keys() const {
  std::set<std::string> kids;
  for (const auto& [name, cut] : keys_.all()) kids.insert(name);
  return kids;
}

}  // namespace mintmark::verify
