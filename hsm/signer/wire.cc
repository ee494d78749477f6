#include "hsm/signer/wire.h"

#include <algorithm>
#include <limits>

namespace mintmark::hsm::signer {
namespace {

constexpr std::uint8_t answer_type = 128;

template <typename T>
void put(Bytes& frame, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    frame.push_back(static_cast<std::uint8_t>(value >> (8U * i) & 0xFFU));
}

template <typename T>
T take(Reader& reader) {
  T value = 0;
  const BytesView octets = reader.octets(sizeof value);
  for (std::size_t i = 0; i < octets.size(); ++i)
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(octets[i]) << (8U * i)));
  return value;
}

tl::unexpected<Error> malformed() {
  return fail(Code::internal, "a message of the signer's channel is malformed");
}

Result<KeyInfo> read_key(Reader& reader) {
  const KeyId id = read_key_id(reader);
  auto purpose = purpose_named(reader.text());
  auto algorithm = jose::algorithm_named(reader.text());
  const std::string spki = reader.text();
  std::string unfit = reader.text();
  if (!reader.good() || !purpose || !algorithm) return malformed();
  auto key = jose::PublicKey::from_spki(as_bytes(spki), *algorithm);
  if (!key || key->algorithm() != *algorithm) return malformed();
  return KeyInfo{id, *purpose, std::move(*key), std::move(unfit)};
}

}  // namespace

Writer& Writer::u8(std::uint8_t value) {
  frame_.push_back(value);
  return *this;
}
Writer& Writer::u16(std::uint16_t value) {
  put(frame_, value);
  return *this;
}
Writer& Writer::u32(std::uint32_t value) {
  put(frame_, value);
  return *this;
}
Writer& Writer::u64(std::uint64_t value) {
  put(frame_, value);
  return *this;
}
Writer& Writer::octets(BytesView value) {
  frame_.insert(frame_.end(), value.begin(), value.end());
  return *this;
}
Writer& Writer::text(std::string_view value) {
  const std::string_view cut = value.substr(0, std::numeric_limits<std::uint16_t>::max());
  return u16(static_cast<std::uint16_t>(cut.size())).octets(as_bytes(cut));
}

BytesView Reader::octets(std::size_t count) {
  if (!good_ || left_.size() < count) {
    good_ = false;
    return {};
  }
  const BytesView taken = left_.first(count);
  left_ = left_.subspan(count);
  return taken;
}

std::uint8_t Reader::u8() { return take<std::uint8_t>(*this); }
std::uint16_t Reader::u16() { return take<std::uint16_t>(*this); }
std::uint32_t Reader::u32() { return take<std::uint32_t>(*this); }
std::uint64_t Reader::u64() { return take<std::uint64_t>(*this); }
std::string Reader::text() { return std::string(as_text(octets(u16()))); }
BytesView Reader::rest() { return octets(left_.size()); }

Writer begin_request(Request type, std::uint64_t id, Deadline deadline, std::size_t body_size) {
  const auto left =
      std::min<std::int64_t>(deadline.left().count(), std::numeric_limits<std::uint32_t>::max());
  Writer writer(request_head_size + body_size);
  writer.u8(static_cast<std::uint8_t>(type)).u64(id).u32(static_cast<std::uint32_t>(left));
  return writer;
}

Result<RequestHead> read_request_head(Reader& reader) {
  const std::uint8_t type = reader.u8();
  const std::uint64_t id = reader.u64();
  const std::uint32_t left = reader.u32();
  if (!reader.good() || id == 0 || type < static_cast<std::uint8_t>(Request::sign) ||
      type > static_cast<std::uint8_t>(Request::activate)) {
    return malformed();
  }
  return RequestHead{static_cast<Request>(type), id, std::chrono::milliseconds(left)};
}

Writer begin_answer(std::uint64_t id) {
  Writer writer;
  writer.u8(answer_type).u64(id).u8(1);
  return writer;
}

Bytes refusal(std::uint64_t id, const Error& error) {
  Writer writer;
  writer.u8(answer_type)
      .u64(id)
      .u8(0)
      .text(facts_of(error.code).name)
      .u64(error.native)
      .u32(error.retry_after)
      .text(error.detail);
  return writer.frame();
}

Result<AnswerHead> read_answer_head(Reader& reader) {
  const std::uint8_t type = reader.u8();
  const std::uint64_t id = reader.u64();
  const std::uint8_t done = reader.u8();
  if (!reader.good() || type != answer_type || done > 1) return malformed();
  if (done == 1) return AnswerHead{id, {}};
  const Code code = code_named(reader.text());
  const std::uint64_t native = reader.u64();
  const std::uint32_t retry_after = reader.u32();
  std::string detail = reader.text();
  if (!reader.ended()) return malformed();
  return AnswerHead{id, tl::unexpected<Error>(Error{code, std::move(detail), native, retry_after})};
}

void write_key_id(Writer& writer, const KeyId& id) { writer.octets(id); }

KeyId read_key_id(Reader& reader) {
  KeyId id{};
  const BytesView octets = reader.octets(id.size());
  std::copy(octets.begin(), octets.end(), id.begin());
  return id;
}

void write_key(Writer& writer, const KeyInfo& key) {
  write_key_id(writer, key.id);
  writer.text(name_of(key.purpose)).text(jose::name_of(key.public_key.algorithm()));
  writer.text(as_text(key.public_key.to_spki())).text(key.unfit);
}

Result<KeyInfo> read_one_key(Reader& reader) {
  auto key = read_key(reader);
  if (key && !reader.ended()) return malformed();
  return key;
}

void write_keys(Writer& writer, const std::vector<KeyInfo>& keys) {
  writer.u16(static_cast<std::uint16_t>(keys.size()));
  for (const KeyInfo& key : keys) write_key(writer, key);
}

Result<std::vector<KeyInfo>> read_keys(Reader& reader) {
  const std::uint16_t count = reader.u16();
  std::vector<KeyInfo> keys;
  for (std::uint16_t i = 0; i < count; ++i) {
    auto key = read_key(reader);
    if (!key) return pass_on(key);
    keys.push_back(std::move(*key));
  }
  if (!reader.ended()) return malformed();
  return keys;
}

void write_spec(Writer& writer, const KeySpec& spec) {
  write_key_id(writer, spec.id);
  writer.text(name_of(spec.purpose)).text(jose::name_of(spec.algorithm));
}

Result<KeySpec> read_spec(Reader& reader) {
  const KeyId id = read_key_id(reader);
  auto purpose = purpose_named(reader.text());
  auto algorithm = jose::algorithm_named(reader.text());
  if (!reader.ended() || !purpose || !algorithm) return malformed();
  return KeySpec{id, *purpose, *algorithm};
}

void write_evidence(Writer& writer, const KeyEvidence& evidence) {
  writer.text(evidence.kind)
      .octets(as_bytes(evidence.facts.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

Result<KeyEvidence> read_evidence(Reader& reader) {
  std::string kind = reader.text();
  const BytesView text = reader.rest();
  if (!reader.good()) return malformed();
  auto facts = parse_json(as_text(text), {.octets = text.size()});
  if (!facts) return malformed();
  return KeyEvidence{std::move(kind), std::move(*facts)};
}

void write_credential(Writer& writer, const SealedCredential& credential) {
  writer.u32(credential.ek_index)
      .text(as_text(credential.credential_blob))
      .text(as_text(credential.encrypted_secret));
}

Result<SealedCredential> read_credential(Reader& reader) {
  SealedCredential credential;
  credential.ek_index = reader.u32();
  credential.credential_blob = to_bytes(as_bytes(reader.text()));
  credential.encrypted_secret = to_bytes(as_bytes(reader.text()));
  if (!reader.ended()) return malformed();
  return credential;
}

Result<void> read_nothing(Reader& reader) {
  if (!reader.ended()) return malformed();
  return {};
}

}  // namespace mintmark::hsm::signer
