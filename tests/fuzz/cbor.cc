// Any octets as CBOR, COSE_Sign1, COSE_Key and as what COSE signs: refused with a code, or read
// within the bounds; and written as we write it, read again to the same.
#include "cbor/cbor.h"

#include "cbor/cose.h"
#include "cbor/write.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

// Nothing where a value is of a kind that we never write.
std::optional<Bytes> rewritten(const cbor::Value& value);

std::optional<Bytes> rewritten_whole(const cbor::Value& value) {
  std::vector<Bytes> items;
  for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
    const auto item = rewritten(value.at(i));
    if (!item) return std::nullopt;
    items.push_back(*item);
  }
  if (value.is_array()) return cbor::array(items);
  cbor::Members members;
  for (const auto& [name, member] : value.members()) {
    const auto key = rewritten(name);
    const auto content = rewritten(member);
    if (!key || !content) return std::nullopt;
    members.emplace_back(*key, *content);
  }
  return cbor::map(members);
}

std::optional<Bytes> rewritten(const cbor::Value& value) {
  if (value.is_array() || value.is_map()) return rewritten_whole(value);
  if (const auto number = value.integer()) return cbor::number(*number);
  if (const auto octets = value.octets()) return cbor::octets(*octets);
  if (const auto text = value.text()) return cbor::text(*text);
  if (const auto boolean = value.boolean()) return cbor::boolean(*boolean);
  if (value.is_null()) return cbor::null();
  const auto tagged = value.tagged();
  const auto inner = tagged ? rewritten(tagged->second) : std::nullopt;
  return inner ? std::optional(cbor::tagged(tagged->first, *inner)) : std::nullopt;
}

void read_values(BytesView octets) {
  const auto value = cbor::parse(octets);
  const auto first = cbor::parse_first(octets);
  if (!first) require_told(first.error());
  require(!first || (first->second >= 1 && first->second <= octets.size()));
  require(value.has_value() == (first && first->second == octets.size()));
  if (!value) return require_told(value.error());
  Bytes longer = to_bytes(octets);
  longer.push_back(0);
  require(!cbor::parse(longer) && !cbor::parse(octets.first(octets.size() - 1)));
  const auto ours = rewritten(*value);
  if (!ours) return;
  require(ours->size() <= octets.size());
  const auto again = cbor::parse(*ours);
  require(again && rewritten(*again) == ours);
}

void read_sign1(BytesView octets) {
  const auto message = cbor::parse_sign1(octets);
  if (!message) return require_told(message.error());
  const Bytes ours = cbor::sign1(message->protected_header, message->payload, message->signature);
  const auto again = cbor::parse_sign1(ours);
  require(again && again->payload == message->payload && again->signature == message->signature &&
          again->algorithm == message->algorithm);
  const auto input =
      cbor::parse_sig_structure(cbor::sig_structure(message->protected_header, message->payload));
  require(input && input->payload == message->payload &&
          input->protected_header == message->protected_header);
}

void run_cbor(BytesView octets) {
  read_values(octets);
  read_sign1(octets);
  const auto input = cbor::parse_sig_structure(octets);
  if (!input) require_told(input.error());
  const auto value = cbor::parse(octets);
  if (!value) return;
  const auto key = cbor::parse_key(*value);
  if (!key) return require_told(key.error());
  require(key->key != nullptr && !cbor::spki_of(key->key.get()).empty());
}

const Registered cbor_target{
    {"cbor", &run_cbor, {"nitro", "webauthn", "apple_appattest", "status_list"}, nullptr, 4000}};

}  // namespace
}  // namespace mintmark::fuzz
