// What an attack is: an honest message made otherwise, and the one right answer at each door where
// it can be shown.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "honest.h"

namespace mintmark::attacks {

/// Where something comes in.
enum class Door {
  token_endpoint,   ///< POST /token
  introspection,    ///< POST /introspect
  revocation,       ///< POST /revoke
  issuer_resource,  ///< A request with a service's token at the issuer itself, as GET /events.
  gate,             ///< mint-gate serve, asked by nginx.
  library,          ///< mintmark/verifier.h, mintmark/mintmark.h, and what reads for them.
};
[[nodiscard]] std::string_view name_of(Door door);

/// The one right answer.
struct Right {
  enum class Kind { taken, refused, absent };
  Kind kind;
  Code code;        ///< Of a refusal.
  const char* why;  ///< Of an attack that does not exist at a door.

  // NOLINTNEXTLINE(google-explicit-constructor): a table's cell is a code.
  Right(Code refusal) : kind(Kind::refused), code(refusal), why("") {}
  [[nodiscard]] static Right taken() { return {Kind::taken, Code::internal, ""}; }
  [[nodiscard]] static Right absent(const char* why) { return {Kind::absent, Code::internal, why}; }
  bool operator==(const Right& other) const {
    return kind == other.kind && (kind != Kind::refused || code == other.code);
  }
  /// "proof_htu", "taken", "–".
  [[nodiscard]] std::string text() const;

 private:
  Right(Kind of, Code refusal, const char* reason) : kind(of), code(refusal), why(reason) {}
};

/// The doors at which a message is shown.
[[nodiscard]] const std::vector<Door>& doors_of(Message message);

/// The message's text, made from the honest one.
using Make = std::function<std::string(const Honest&)>;

struct Attack {
  std::string name;
  Message message;
  Make make;
  Right right;                    ///< Where nothing else is said.
  std::map<Door, Right> at = {};  ///< Where a door has another.
  bool again = false;             ///< The same text was taken before.

  [[nodiscard]] Right right_at(Door door) const {
    const auto found = at.find(door);
    return found == at.end() ? right : found->second;
  }
};

/// A chapter of the table; names are unique within a message.
struct Chapter {
  const char* title;
  std::vector<Attack> attacks;
};

[[nodiscard]] Chapter algorithm_attacks();
[[nodiscard]] Chapter header_attacks();
[[nodiscard]] Chapter form_attacks();
[[nodiscard]] Chapter json_attacks();
[[nodiscard]] Chapter signature_attacks();
[[nodiscard]] Chapter confusion_attacks();
[[nodiscard]] Chapter key_attacks();
[[nodiscard]] Chapter time_attacks();
[[nodiscard]] Chapter url_attacks();
[[nodiscard]] Chapter proof_attacks();
[[nodiscard]] Chapter token_attacks();
[[nodiscard]] Chapter client_attacks();
/// All of them, in the page's order.
[[nodiscard]] const std::vector<Chapter>& chapters();

/// A request as octets, field by field.
struct Wire {
  std::string line;                 ///< "POST /token HTTP/1.1"
  std::vector<std::string> fields;  ///< "DPoP: …"
  std::string body;

  /// The value of the first; throws where there is none.
  [[nodiscard]] std::string value(std::string_view name) const;
  /// In place of all of that name.
  Wire& set(const std::string& name, const std::string& value);
  Wire& add(const std::string& field);
  Wire& remove(std::string_view name);
  /// With the Content-Length that fits.
  Wire& with_body(std::string text);
  [[nodiscard]] std::string octets() const;
};

struct WireAttack {
  std::string name;
  std::function<std::string(Wire)> make;
  std::map<Door, Right> right;  ///< Where it is not named, it does not exist.
  /// It is the framing that is unclear: nothing behind it may be read as a request.
  bool framing = false;
};
struct WireChapter {
  const char* title;
  std::vector<WireAttack> attacks;
};
[[nodiscard]] WireChapter framing_attacks();
[[nodiscard]] WireChapter line_attacks();
[[nodiscard]] WireChapter credential_attacks();
[[nodiscard]] WireChapter parameter_attacks();
[[nodiscard]] WireChapter proxy_attacks();
[[nodiscard]] const std::vector<WireChapter>& wire_chapters();

/// What a code looks like to whoever is refused.
struct Answer {
  Code code;
  unsigned at_endpoint;  ///< Status at /token, /introspect and /revoke; 0: not seen there.
  unsigned at_resource;  ///< At the gate and at the issuer's own resources; likewise.
  const char* error;     ///< OAuth's, in the body and, where there is one, in WWW-Authenticate.
};
[[nodiscard]] std::span<const Answer> answers();

/// docs/refusals.md as it must be.
[[nodiscard]] std::string page();

}  // namespace mintmark::attacks
