// The messages between the signer and those who may ask it. One message is one frame of
// ipc::Channel; all numbers are little-endian.
//
//   request   type u8 | id u64 | time left u32 (ms) | body
//   answer    128  u8 | id u64 | 1 u8 | body                                       done
//             128  u8 | id u64 | 0 u8 | code text | native u64 | retry u32 (s) | detail text
//                                                                                  refused
//
// An answer with id 0 is the signer's own word that it is ready, or why it is not or no longer. A
// text is u16 length and octets. Every reader here takes the whole frame: what is too short, too
// long or of an unknown kind is `internal`, and whoever reads it closes the channel.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "hsm/evidence_activation.h"
#include "hsm/key_store.h"

namespace mintmark::hsm::signer {

enum class Request : std::uint8_t {
  sign = 1,      ///< key[16] | signing input to the end. Answer: the signature.
  list = 2,      ///< Answer: count u16 | keys.
  generate = 3,  ///< key[16] | purpose text | algorithm text. Answer: one key.
  destroy = 4,   ///< key[16].
  evidence = 5,  ///< key[16]. Answer: kind text | facts, JSON to the end.
  attach = 6,    ///< With a descriptor: the channel of a front.
  activate =
      7,  ///< ek index u32 | credential blob text | encrypted secret text. Answer: the secret.
};

struct RequestHead {
  Request type{};
  std::uint64_t id = 0;
  std::chrono::milliseconds left{};
};

inline constexpr std::size_t request_head_size = 13;

/// Appends to a frame.
class Writer {
 public:
  Writer() = default;
  explicit Writer(std::size_t expected) { frame_.reserve(expected); }
  Writer& u8(std::uint8_t value);
  Writer& u16(std::uint16_t value);
  Writer& u32(std::uint32_t value);
  Writer& u64(std::uint64_t value);
  Writer& octets(BytesView value);
  Writer& text(std::string_view value);  ///< Cut to 65,535 octets.
  [[nodiscard]] const Bytes& frame() const { return frame_; }

 private:
  Bytes frame_;
};

/// Takes from a frame; after the first lack every further call gives zeros and `good()` is false.
class Reader {
 public:
  explicit Reader(BytesView frame) : left_(frame) {}
  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  std::uint64_t u64();
  BytesView octets(std::size_t count);
  std::string text();
  BytesView rest();
  [[nodiscard]] bool good() const { return good_; }
  /// All was there and nothing is left over.
  [[nodiscard]] bool ended() const { return good_ && left_.empty(); }

 private:
  BytesView left_;
  bool good_ = true;
};

/// A deadline that has passed travels as 0 ms. The memory for the body is taken at once.
[[nodiscard]] Writer begin_request(Request type, std::uint64_t id, Deadline deadline,
                                   std::size_t body_size = 0);
[[nodiscard]] Result<RequestHead> read_request_head(Reader& reader);

[[nodiscard]] Writer begin_answer(std::uint64_t id);
[[nodiscard]] Bytes refusal(std::uint64_t id, const Error& error);

struct AnswerHead {
  std::uint64_t id = 0;
  Result<void> outcome;
};
/// `internal` if the frame is no answer.
[[nodiscard]] Result<AnswerHead> read_answer_head(Reader& reader);

void write_key_id(Writer& writer, const KeyId& id);
[[nodiscard]] KeyId read_key_id(Reader& reader);
void write_key(Writer& writer, const KeyInfo& key);
[[nodiscard]] Result<KeyInfo> read_one_key(Reader& reader);
void write_keys(Writer& writer, const std::vector<KeyInfo>& keys);  ///< At most 65,535.
[[nodiscard]] Result<std::vector<KeyInfo>> read_keys(Reader& reader);
inline constexpr std::size_t spec_size = 64;  ///< No KeySpec takes more.
void write_spec(Writer& writer, const KeySpec& spec);
[[nodiscard]] Result<KeySpec> read_spec(Reader& reader);
void write_evidence(Writer& writer, const KeyEvidence& evidence);
[[nodiscard]] Result<KeyEvidence> read_evidence(Reader& reader);
/// What such a credential takes; no real one is a quarter of it.
inline constexpr std::size_t longest_credential = 4096;
void write_credential(Writer& writer, const SealedCredential& credential);
[[nodiscard]] Result<SealedCredential> read_credential(Reader& reader);
[[nodiscard]] Result<void> read_nothing(Reader& reader);

}  // namespace mintmark::hsm::signer
