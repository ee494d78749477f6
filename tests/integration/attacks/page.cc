// What codes look like at the doors, and docs/refusals.md: the whole table as people read it.
#include <algorithm>

#include "attack.h"
#include "rows.h"

namespace mintmark::attacks {
namespace {

constexpr const char* introduction =
    R"(# What is refused, and how

The one right answer to each way of doing it wrong that strangers are known to try: at `/token` (and `/introspect`, `/revoke`), at a resource (the gate; the issuer's own, such as
`/events`) and in the library, by one name everywhere. `tests/integration/attacks` sends each of them to real listeners, signed by the right key where the signature is not what is
wrong, and holds this page: it is the tests' table. *taken*: it is no attack, or changes nothing.

)";

constexpr const char* request = "invalid_request";
constexpr const char* proof = "invalid_dpop_proof";
constexpr const char* token = "invalid_token";
constexpr const char* attestation = "invalid_client_attestation";
constexpr const char* client = "invalid_client";
constexpr const char* nonce = "use_dpop_nonce";
constexpr Answer answer_table[] = {
    {Code::http_malformed, 400, 400, request},
    {Code::http_header_malformed, 400, 400, request},
    {Code::http_host_wrong, 400, 400, request},
    {Code::http_framing_ambiguous, 400, 400, request},
    {Code::http_path_unknown, 404, 404, request},
    {Code::http_method_not_allowed, 405, 405, request},
    {Code::http_body_too_large, 413, 413, request},
    {Code::http_target_too_long, 414, 414, request},
    {Code::http_expectation_unknown, 417, 417, request},
    {Code::http_header_too_large, 431, 431, request},
    {Code::http_coding_unknown, 501, 501, request},
    {Code::http_method_unknown, 501, 501, request},
    {Code::http_version_unsupported, 505, 505, request},
    {Code::content_type_wrong, 415, 0, request},
    {Code::parameter_repeated, 400, 0, request},
    {Code::parameter_missing, 400, 0, request},
    {Code::header_repeated, 400, 0, request},
    {Code::grant_type_unsupported, 400, 0, "unsupported_grant_type"},
    {Code::scope_malformed, 400, 0, "invalid_scope"},
    {Code::policy_scope, 400, 0, "invalid_scope"},
    {Code::policy_audience, 400, 0, "invalid_target"},
    {Code::client_methods_mixed, 400, 0, request},
    {Code::client_unauthenticated, 401, 0, client},
    {Code::client_id_mismatch, 401, 0, client},
    {Code::device_unknown, 401, 0, client},
    {Code::attestation_pop_unsupported, 400, 0, request},
    {Code::attestation_malformed, 400, 0, attestation},
    {Code::attestation_typ, 400, 0, attestation},
    {Code::attestation_key_unknown, 400, 0, attestation},
    {Code::attestation_alg, 400, 0, attestation},
    {Code::attestation_signature, 400, 0, attestation},
    {Code::attestation_sub, 400, 0, attestation},
    {Code::attestation_exp_missing, 400, 0, attestation},
    {Code::attestation_iat, 400, 0, attestation},
    {Code::attestation_not_yet_valid, 400, 0, attestation},
    {Code::attestation_cnf, 400, 0, attestation},
    {Code::attestation_expired, 400, 0, "use_fresh_attestation"},
    {Code::attestation_challenge_required, 400, 0, "use_attestation_challenge"},
    {Code::attestation_challenge_stale, 400, 0, "use_attestation_challenge"},
    {Code::assertion_type_unknown, 401, 0, client},
    {Code::assertion_malformed, 401, 0, client},
    {Code::assertion_typ, 401, 0, client},
    {Code::assertion_alg, 401, 0, client},
    {Code::assertion_signature, 401, 0, client},
    {Code::assertion_iss, 401, 0, client},
    {Code::assertion_sub, 401, 0, client},
    {Code::assertion_aud, 401, 0, client},
    {Code::assertion_exp_missing, 401, 0, client},
    {Code::assertion_expired, 401, 0, client},
    {Code::assertion_exp_far, 401, 0, client},
    {Code::assertion_iat, 401, 0, client},
    {Code::assertion_not_yet_valid, 401, 0, client},
    {Code::assertion_jti, 401, 0, client},
    {Code::assertion_cnf, 401, 0, client},
    {Code::assertion_replayed, 401, 0, client},
    {Code::proof_missing, 400, 401, proof},
    {Code::proof_repeated, 400, 401, proof},
    {Code::proof_malformed, 400, 401, proof},
    {Code::proof_typ, 400, 401, proof},
    {Code::proof_alg, 400, 401, proof},
    {Code::proof_jwk, 400, 401, proof},
    {Code::proof_signature, 400, 401, proof},
    {Code::proof_htm, 400, 401, proof},
    {Code::proof_htu, 400, 401, proof},
    {Code::proof_iat_missing, 400, 401, proof},
    {Code::proof_iat_old, 400, 401, proof},
    {Code::proof_iat_future, 400, 401, proof},
    {Code::proof_jti, 400, 401, proof},
    {Code::proof_nonce, 400, 401, proof},
    {Code::proof_key_mismatch, 400, 401, proof},
    {Code::proof_replayed, 400, 401, proof},
    {Code::proof_ath, 0, 401, proof},
    {Code::proof_nonce_required, 0, 401, nonce},
    {Code::proof_nonce_stale, 0, 401, nonce},
    {Code::authorization_malformed, 0, 400, request},
    {Code::authorization_repeated, 0, 400, request},
    {Code::token_missing, 0, 401, ""},
    {Code::token_malformed, 0, 401, token},
    {Code::token_typ, 0, 401, token},
    {Code::token_key_unknown, 0, 401, token},
    {Code::token_alg, 0, 401, token},
    {Code::token_signature, 0, 401, token},
    {Code::token_issuer, 0, 401, token},
    {Code::token_audience, 0, 401, token},
    {Code::token_exp_missing, 0, 401, token},
    {Code::token_expired, 0, 401, token},
    {Code::token_not_yet_valid, 0, 401, token},
    {Code::token_iat_missing, 0, 401, token},
    {Code::token_iat_future, 0, 401, token},
    {Code::token_sub_missing, 0, 401, token},
    {Code::token_unbound, 0, 401, token},
    {Code::token_scheme, 0, 401, token},
    {Code::token_certificate_missing, 0, 401, token},
    {Code::service_scope_missing, 0, 403, "insufficient_scope"},
    {Code::gate_scope, 0, 403, "insufficient_scope"},
    {Code::gate_key_protection, 0, 403, "access_denied"},
    {Code::gate_no_rule, 0, 403, "access_denied"},
    {Code::gate_method_refused, 0, 403, "access_denied"},
    {Code::gate_origin_unknown, 0, 403, "access_denied"},
    {Code::gate_path_ambiguous, 0, 400, request},
    {Code::gate_path_malformed, 0, 400, request},
    {Code::gate_header_malformed, 0, 400, request},
    {Code::gate_header_repeated, 0, 400, request},
    {Code::gate_header_missing, 0, 503, "temporarily_unavailable"}};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      constexpr std::string_view hex = "0123456789ABCDEF";
      const auto octet = static_cast<unsigned char>(c);
      out += {'\\', '\\', 'x', hex[octet >> 4U], hex[octet & 15U]};
      continue;
    }
    if (std::string_view("|*_<[]`\\#~").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string cell_of(const Right& right) {
  if (right.kind == Right::Kind::refused) return "`" + right.text() + "`";
  return right.kind == Right::Kind::taken ? "*taken*" : right.why;
}

std::string cell_of(const Attack& attack) {
  std::string cell = cell_of(attack.right);
  std::map<std::string, std::string> others;
  for (const auto& [door, right] : attack.at) {
    std::string& doors = others[cell_of(right)];
    doors += (doors.empty() ? "" : ", ") + std::string(name_of(door));
  }
  for (const auto& [right, doors] : others) cell += "; " + doors + ": " + right;
  return cell;
}

std::string row_of(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& cell : cells) row += ' ' + cell + " |";
  return row + '\n';
}

std::string head_of(const std::vector<std::string>& names) {
  std::string rule = "|";
  for (std::size_t i = 0; i < names.size(); ++i) rule += "---|";
  return row_of(names) + rule + '\n';
}

/// Rows in the order of their first name; those with equal cells are one.
class Table {
 public:
  explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}

  void put(const std::string& name, std::size_t column, const std::string& cell) {
    auto found = std::find_if(rows_.begin(), rows_.end(),
                              [&](const auto& row) { return row.first == name; });
    if (found == rows_.end())
      found = rows_.insert(rows_.end(), {name, std::vector<std::string>(columns_.size())});
    found->second.at(column) = cell;
  }

  [[nodiscard]] std::string text() const {
    std::vector<std::pair<std::string, std::vector<std::string>>> merged;
    for (const auto& [name, cells] : rows_) {
      const auto same =
          std::find_if(merged.begin(), merged.end(),
                       [&, &cells = cells](const auto& row) { return row.second == cells; });
      if (same == merged.end())
        merged.emplace_back(escaped(name), cells);
      else
        same->first += " · " + escaped(name);
    }
    std::vector<std::string> head{"made otherwise"};
    head.insert(head.end(), columns_.begin(), columns_.end());
    std::string all = head_of(head);
    for (const auto& [name, cells] : merged) {
      std::vector<std::string> row{name};
      row.insert(row.end(), cells.begin(), cells.end());
      all += row_of(row);
    }
    return all;
  }

 private:
  std::vector<std::string> columns_;
  std::vector<std::pair<std::string, std::vector<std::string>>> rows_;
};

std::string text_of(const Chapter& chapter) {
  std::vector<Message> messages;
  for (const Message message : all_messages) {
    const bool there = std::any_of(chapter.attacks.begin(), chapter.attacks.end(),
                                   [&](const Attack& one) { return one.message == message; });
    if (there) messages.push_back(message);
  }
  std::vector<std::string> columns;
  for (const Message message : messages) columns.emplace_back(name_of(message));
  Table table(columns);
  for (const Attack& attack : chapter.attacks) {
    const auto column = std::find(messages.begin(), messages.end(), attack.message);
    table.put(attack.name, static_cast<std::size_t>(column - messages.begin()), cell_of(attack));
  }
  return std::string("## ") + chapter.title + "\n\n" + table.text() + '\n';
}

constexpr Door wire_doors[] = {Door::token_endpoint, Door::introspection, Door::revocation,
                               Door::issuer_resource, Door::gate};

std::string text_of(const WireChapter& chapter) {
  std::vector<Door> doors;
  for (const Door door : wire_doors) {
    const bool there =
        std::any_of(chapter.attacks.begin(), chapter.attacks.end(),
                    [&](const WireAttack& one) { return one.right.count(door) != 0; });
    if (there) doors.push_back(door);
  }
  std::vector<std::string> columns;
  for (const Door door : doors) columns.emplace_back(name_of(door));
  Table table(columns);
  for (const WireAttack& attack : chapter.attacks) {
    for (std::size_t i = 0; i < doors.size(); ++i) {
      const auto right = attack.right.find(doors.at(i));
      if (right != attack.right.end()) table.put(attack.name, i, cell_of(right->second));
    }
  }
  return std::string("## ") + chapter.title + "\n\n" + table.text() + '\n';
}

std::string status_text(unsigned status) { return status == 0 ? "" : std::to_string(status); }

std::string answers_text() {
  std::string all = "## How a code is answered\n\n" +
                    head_of({"code", "at an endpoint", "at a resource", "`error`"});
  for (const Answer& answer : answers())
    all += row_of(
        {"`" + std::string(facts_of(answer.code).name) + "`", status_text(answer.at_endpoint),
         status_text(answer.at_resource),
         *answer.error == '\0' ? "none in the challenge" : "`" + std::string(answer.error) + "`"});
  return all + "\n401 has `WWW-Authenticate`, with this `error` in it.\n\n";
}

}  // namespace

std::string_view name_of(Door door) {
  constexpr std::string_view names[] = {"/token",  "/introspect", "/revoke",
                                        "/events", "gate",        "library"};
  return names[static_cast<std::size_t>(door)];
}

const std::vector<Door>& doors_of(Message message) {
  static const std::vector<Door> of_proofs{Door::token_endpoint, Door::issuer_resource, Door::gate,
                                           Door::library};
  static const std::vector<Door> of_tokens{Door::issuer_resource, Door::gate, Door::library};
  static const std::vector<Door> of_clients{Door::token_endpoint};
  static const std::vector<Door> of_lists{Door::library};
  switch (message) {
    case Message::proof:
      return of_proofs;
    case Message::access_token:
      return of_tokens;
    case Message::attestation:
    case Message::assertion:
      return of_clients;
    case Message::status_list:
    case Message::frontier:
      break;
  }
  return of_lists;
}

std::string Right::text() const {
  if (kind == Kind::taken) return "taken";
  return kind == Kind::refused ? std::string(facts_of(code).name) : "–";
}

const std::vector<Chapter>& chapters() {
  static const std::vector<Chapter> all = [] {
    std::vector<Chapter> made;
    made.push_back(algorithm_attacks());
    made.push_back(header_attacks());
    made.push_back(form_attacks());
    made.push_back(json_attacks());
    made.push_back(signature_attacks());
    made.push_back(confusion_attacks());
    made.push_back(key_attacks());
    made.push_back(time_attacks());
    made.push_back(url_attacks());
    made.push_back(proof_attacks());
    made.push_back(token_attacks());
    made.push_back(client_attacks());
    return made;
  }();
  return all;
}

std::span<const Answer> answers() { return answer_table; }

std::string page() {
  std::string all = introduction + answers_text();
  for (const Chapter& chapter : chapters()) all += text_of(chapter);
  for (const WireChapter& chapter : wire_chapters()) all += text_of(chapter);
  all.pop_back();
  return all;
}

}  // namespace mintmark::attacks
