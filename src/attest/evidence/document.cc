#include "attest/evidence/document.h"

#include <algorithm>
#include <set>

#include "jose/key.h"

namespace mintmark::attest::evidence {
namespace {

constexpr std::size_t most_keys = 256;

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Code::evidence_document_malformed, "the evidence " + what);
}

Result<Row> row_in(const Json& key) {
  if (!key.is_object()) return malformed("has a key that is no object");
  Row row{text_of(key, "kid"), text_of(key, "purpose"), "", nullptr};
  if (row.kid.empty()) return malformed("has a key without a kid");
  const auto evidence = key.find("evidence");
  if (evidence == key.end() || evidence->is_null()) return row;
  if (!evidence->is_object()) return malformed("of " + printable(row.kid) + " is no object");
  row.kind = text_of(*evidence, "kind");
  if (row.kind.empty()) return malformed("of " + printable(row.kid) + " has no kind");
  row.facts = evidence->value("facts", Json());
  return row;
}

const Json* keys_of(const Json& document) {
  if (!document.is_object()) return nullptr;
  const auto keys = document.find("keys");
  if (keys == document.end() || !keys->is_array() || keys->size() > most_keys) return nullptr;
  return &*keys;
}

}  // namespace

Result<std::vector<Row>> rows_in(const Json& document, std::string_view issuer) {
  const Json* keys = keys_of(document);
  if (keys == nullptr) return malformed("is no object with \"keys\"");
  if (const std::string named = text_of(document, "issuer"); named != issuer)
    return fail(Code::evidence_issuer_mismatch, "the evidence is of \"" + printable(named) +
                                                    "\", not of \"" + std::string(issuer) + "\"");
  std::vector<Row> rows;
  std::set<std::string> seen;
  for (const Json& key : *keys) {
    auto row = row_in(key);
    if (!row) return pass_on(row);
    if (!seen.insert(row->kid).second) return malformed("names " + printable(row->kid) + " twice");
    rows.push_back(std::move(*row));
  }
  return rows;
}

Result<std::vector<Row>> rows_of_published(const Json& jwks, const std::vector<Row>& rows) {
  const Json* keys = keys_of(jwks);
  if (keys == nullptr) return fail(Code::keys_malformed, "the published keys are no JWK set");
  std::vector<Row> all;
  for (const Json& jwk : *keys) {
    const auto key = jose::PublicKey::from_jwk(jwk);
    if (!key) return fail(Code::keys_malformed, "a published key: " + key.error().detail);
    if (text_of(jwk, "kid") != key->thumbprint())
      return fail(Code::keys_malformed, "a published key's kid is not its thumbprint");
    const auto found = std::find_if(rows.begin(), rows.end(),
                                    [&](const Row& row) { return row.kid == key->thumbprint(); });
    Row row = found == rows.end() ? Row{key->thumbprint(), "", "", nullptr} : *found;
    row.purpose = text_of(jwk, "mintmark_purpose");
    all.push_back(std::move(row));
  }
  return all;
}

}  // namespace mintmark::attest::evidence
