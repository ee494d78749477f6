// How chapters are written: a row for one message, or the same change for all of them.
#pragma once

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <utility>

#include "attack.h"

namespace mintmark::attacks {

/// What is wrong with a JWS, whatever it is; each message has a code of its own for it.
enum class Flaw { none, malformed, typ, alg, key, signature };
[[nodiscard]] Right right_for(Message message, Flaw flaw);

/// What becomes of the text in a header field.
enum class InHeader {
  as_it_is,
  no_field,   ///< No field can hold it: the request is refused.
  cut_off,    ///< It is white space at the end, which is not the field's (RFC 9110 §5.5).
  no_token68  ///< Behind "DPoP " only token68 may stand (RFC 9110 §11.2).
};

inline constexpr Message all_messages[] = {Message::proof,       Message::access_token,
                                           Message::attestation, Message::assertion,
                                           Message::status_list, Message::frontier};

class Rows {
 public:
  explicit Rows(const char* title) : chapter_{title, {}} {}

  /// `others`: messages for which it is something else.
  void all(const std::string& name, const Make& make, Flaw flaw,
           const std::map<Message, Right>& others = {}, InHeader effect = InHeader::as_it_is) {
    for (const Message message : all_messages) {
      const auto other = others.find(message);
      one(message, name, make, other == others.end() ? right_for(message, flaw) : other->second);
      add_effect(chapter_.attacks.back(), effect);
    }
  }
  Attack& one(Message message, const std::string& name, Make make, Right right) {
    chapter_.attacks.push_back({name, message, std::move(make), right});
    return chapter_.attacks.back();
  }
  [[nodiscard]] Chapter chapter() && { return std::move(chapter_); }

 private:
  static void add_effect(Attack& attack, InHeader effect);
  Chapter chapter_;
};

// --- the common ways of making a message otherwise ---

inline Make header_is(const char* name, const Json& value) {
  return [name, value](const Honest& honest) { return honest.with_header(name, value); };
}
inline Make header_text(const char* name, const std::string& text) {
  return [name, text](const Honest& honest) { return honest.raw_header(name, text); };
}
inline Make header_lacks(const char* name) {
  return [name](const Honest& honest) { return honest.without_header(name); };
}
inline Make header_has(const std::string& members) {
  return [members](const Honest& honest) { return honest.header_and(members); };
}
inline Make claims_have(const std::string& members) {
  return [members](const Honest& honest) { return honest.claims_and(members); };
}
inline Make payload_is(const std::string& text) {
  return [text](const Honest& honest) { return honest.of_texts(honest.header.dump(), text); };
}

inline Json header_with(const Honest& honest, const char* name, const Json& value) {
  Json header = honest.header;
  header[name] = value;
  return header;
}

inline Make claim_is(const char* name, const Json& value) {
  return [name, value](const Honest& honest) { return honest.with_claim(name, value); };
}
inline Make claim_text(const char* name, const std::string& text) {
  return [name, text](const Honest& honest) { return honest.raw_claim(name, text); };
}
inline Make claim_lacks(const char* name) {
  return [name](const Honest& honest) { return honest.without_claim(name); };
}
/// What it says of the honest value.
inline Make claim_from(const char* name, std::function<std::string(std::string)> make) {
  return [name, make = std::move(make)](const Honest& honest) {
    return honest.with_claim(name, make(honest.claims[name].get<std::string>()));
  };
}
inline Make claim_from_now(const char* name, std::int64_t seconds) {
  return [name, seconds](const Honest& honest) {
    return honest.with_claim(name, to_unix(honest.scene.now) + seconds);
  };
}

inline std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

}  // namespace mintmark::attacks
