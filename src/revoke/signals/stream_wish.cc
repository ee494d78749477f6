#include "revoke/signals/stream_wish.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "http/text.h"

namespace mintmark::revoke::signals {
namespace {

constexpr std::size_t most_events = 64;
constexpr std::size_t longest_event = 512;
constexpr std::size_t longest_description = 512;
constexpr std::size_t longest_authorization = 4096;
constexpr std::size_t most_audiences = 16;

tl::unexpected<Error> malformed(const std::string& detail) {
  return fail(Code::ssf_stream_malformed, detail);
}

Result<std::vector<std::string>> texts_in(const Json& list, const char* name, std::size_t most) {
  const std::string right = std::string(name) + " must be an array of at most " +
                            std::to_string(most) + " texts that are not empty";
  if (!list.is_array() || list.size() > most) return malformed(right);
  std::vector<std::string> texts;
  for (const Json& one : list) {
    if (!one.is_string()) return malformed(right);
    texts.push_back(one.get<std::string>());
    if (texts.back().empty() || texts.back().size() > longest_event) return malformed(right);
  }
  return texts;
}

// What is unknown among them is kept, shown and ignored (SSF 1.0 §8.1.1, events_requested).
Result<void> read_requested(const Json& wish, StreamSettings& settings) {
  const auto found = wish.find("events_requested");
  if (found == wish.end()) return {};
  auto texts = texts_in(*found, "events_requested", most_events);
  if (!texts) return pass_on(texts);
  settings.requested = std::move(*texts);
  return {};
}

Result<void> read_description(const Json& wish, StreamSettings& settings) {
  auto text = text_in(wish, "description", longest_description);
  if (!text) return pass_on(text);
  if (*text) settings.description = std::move(**text);
  return {};
}

// An endpoint that stays keeps its authorization, which nobody can read back; another one never
// gets it.
Result<void> read_authorization(const Json& delivery, const StreamSettings& before,
                                StreamSettings& settings) {
  auto text = text_in(delivery, "authorization_header", longest_authorization);
  if (!text) return pass_on(text);
  if (!*text) {
    const bool same = before.push && before.endpoint == settings.endpoint;
    settings.authorization = same ? before.authorization : nullptr;
    return {};
  }
  if (!http::is_field_value(**text)) {
    wipe(**text);
    return malformed("delivery.authorization_header has characters that no header may have");
  }
  settings.authorization =
      (*text)->empty() ? nullptr : std::make_shared<const Secret>(Secret::take(**text));
  return {};
}

Result<void> read_push(const Json& delivery, const StreamSettings& before,
                       const EndpointRules& rules, StreamSettings& settings) {
  const auto endpoint = delivery.find("endpoint_url");
  if (endpoint == delivery.end() || !endpoint->is_string())
    return malformed("delivery.endpoint_url must be there for urn:ietf:rfc:8935");
  settings.push = true;
  settings.endpoint = endpoint->get<std::string>();
  if (auto good = rules.check(settings.endpoint); !good) return good;
  return read_authorization(delivery, before, settings);
}

Result<void> read_delivery(const Json& wish, const StreamSettings& before,
                           const EndpointRules& rules, StreamSettings& settings) {
  const auto delivery = wish.find("delivery");
  if (delivery == wish.end()) return {};
  if (!delivery->is_object()) return malformed("delivery must be an object");
  const auto method = delivery->find("method");
  if (method == delivery->end() || !method->is_string())
    return malformed("delivery.method must be there");
  const std::string& name = method->get_ref<const std::string&>();
  if (name == push_method) return read_push(*delivery, before, rules, settings);
  if (name != poll_method) {
    return fail(Code::ssf_delivery_unsupported,
                "delivery.method must be " + std::string(push_method) + " or " +
                    std::string(poll_method) + ", not " + printable(name));
  }
  settings.push = false;
  settings.endpoint.clear();
  settings.authorization = nullptr;
  return {};
}

Result<StreamSettings> read_into(const Json& wish, const StreamSettings& before,
                                 const EndpointRules& rules, StreamSettings settings) {
  auto read = read_requested(wish, settings);
  if (read) read = read_description(wish, settings);
  if (read) read = read_delivery(wish, before, rules, settings);
  if (!read) return pass_on(read);
  return settings;
}

Result<std::vector<std::string>> audience_in(const Json& wish, const Owner& owner) {
  const auto found = wish.find("aud");
  if (found == wish.end()) return std::vector<std::string>{owner.service};
  auto asked = texts_in(found->is_array() ? *found : Json::array({*found}), "aud", most_audiences);
  if (!asked) return asked;
  const bool own = !asked->empty() && std::all_of(asked->begin(), asked->end(), [&](const auto& a) {
    return a == owner.service ||
           std::find(owner.audiences.begin(), owner.audiences.end(), a) != owner.audiences.end();
  });
  if (own) return asked;
  return malformed("aud must name audiences that this service is registered for, or its client_id");
}

}  // namespace

Result<std::optional<std::string>> text_in(const Json& object, const char* name,
                                           std::size_t longest) {
  const auto found = object.find(name);
  if (found == object.end()) return std::optional<std::string>();
  if (!found->is_string() || found->get_ref<const std::string&>().size() > longest) {
    return malformed(std::string(name) + " must be a text of at most " + std::to_string(longest) +
                     " octets");
  }
  return std::optional(found->get<std::string>());
}

Result<StreamSettings> settings_of_new(const Json& wish, const Owner& owner,
                                       const EndpointRules& rules) {
  auto audience = audience_in(wish, owner);
  if (!audience) return pass_on(audience);
  StreamSettings fresh;
  fresh.audience = std::move(*audience);
  return read_into(wish, fresh, rules, fresh);
}

Result<StreamSettings> settings_changed(const Json& changes, const StreamSettings& before,
                                        const EndpointRules& rules) {
  return read_into(changes, before, rules, before);
}

Result<StreamSettings> settings_replaced(const Json& whole, const StreamSettings& before,
                                         const EndpointRules& rules) {
  if (!whole.contains("delivery")) return malformed("delivery must be there where all is replaced");
  StreamSettings bare;
  bare.audience = before.audience;
  bare.removed = before.removed;
  return read_into(whole, before, rules, bare);
}

}  // namespace mintmark::revoke::signals
