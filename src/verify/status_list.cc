#include "verify/status_list.h"

#include <zlib.h>

#include <algorithm>
#include <new>

#include "cbor/write.h"
#include "jose/base64url.h"

namespace mintmark::verify {
namespace {

constexpr std::size_t chunk = 64U << 10U;
// §4.1 (4) recommends the highest, 9: where a few in a hundred are revoked that takes twice as long
// (157 ms for 2^20 entries), for a fiftieth of the size.
constexpr int level = 8;

tl::unexpected<Error> malformed(const std::string& why) {
  return fail(Code::status_list_malformed, "the status list: " + why);
}

bool is_width(std::int64_t bits) { return bits == 1 || bits == 2 || bits == 4 || bits == 8; }

/// zlib's state, which it frees itself.
class Inflation {
 public:
  explicit Inflation(BytesView from) {
    stream_.next_in = const_cast<Bytef*>(from.data());  // It only reads there.
    stream_.avail_in = static_cast<uInt>(from.size());
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
  }
  ~Inflation() { inflateEnd(&stream_); }
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;

  /// What it makes of the next octets, at the end of `into`; Z_STREAM_END with the last.
  int more(Bytes& into) {
    const std::size_t before = into.size();
    into.resize(before + chunk);
    stream_.next_out = into.data() + before;
    stream_.avail_out = chunk;
    const int outcome = ::inflate(&stream_, Z_NO_FLUSH);
    into.resize(before + chunk - stream_.avail_out);
    return outcome;
  }
  [[nodiscard]] std::size_t left() const { return stream_.avail_in; }

 private:
  z_stream stream_{};
};

}  // namespace

Result<StatusList> StatusList::inflate(unsigned bits, BytesView compressed) {
  if (!is_width(bits)) return malformed("bits must be 1, 2, 4 or 8");
  const std::size_t most = most_listed / 8 * bits;
  if (compressed.size() > most + chunk) return malformed("it is too long");
  Inflation inflation(compressed);
  Bytes octets;
  int outcome = Z_OK;
  while (outcome == Z_OK) {
    outcome = inflation.more(octets);
    if (octets.size() > most)
      return malformed("more than " + std::to_string(most_listed) + " entries");
  }
  // Also where it ends early, or wants a dictionary.
  if (outcome != Z_STREAM_END) return malformed("this is no zlib stream, or not all of it");
  if (inflation.left() != 0) return malformed("octets behind its zlib stream");
  octets.shrink_to_fit();
  return StatusList(bits, std::move(octets));
}

Result<StatusList> StatusList::from_json(const Json& object) {
  if (!object.is_object()) return malformed("it is no object");
  const auto bits = object.find("bits");
  if (bits == object.end() || !bits->is_number_integer() || !is_width(bits->get<std::int64_t>()))
    return malformed("bits must be 1, 2, 4 or 8");
  const auto lst = object.find("lst");
  if (lst == object.end() || !lst->is_string()) return malformed("lst is missing, or no string");
  const auto compressed = jose::from_base64url(lst->get_ref<const std::string&>());
  if (!compressed) return malformed("lst is no base64url");
  auto list = inflate(bits->get<unsigned>(), *compressed);
  const auto uri = object.find("aggregation_uri");
  if (!list || uri == object.end()) return list;
  if (!uri->is_string()) return malformed("aggregation_uri is no string");
  list->aggregation_uri_ = uri->get<std::string>();
  return list;
}

Result<StatusList> StatusList::from_cbor(const cbor::Value& map) {
  if (!map.is_map()) return malformed("it is no map");
  const auto bits = map.find("bits");
  if (!bits || !bits->integer() || !is_width(*bits->integer()))
    return malformed("bits must be 1, 2, 4 or 8");
  const auto lst = map.find("lst");
  if (!lst || !lst->octets()) return malformed("lst is missing, or no octets");
  auto list = inflate(static_cast<unsigned>(*bits->integer()), *lst->octets());
  const auto uri = map.find("aggregation_uri");
  if (!list || !uri) return list;
  if (!uri->text()) return malformed("aggregation_uri is no text");
  list->aggregation_uri_ = *uri->text();
  return list;
}

Result<std::uint8_t> StatusList::value(std::uint64_t index) const {
  if (index >= size()) {
    return fail(Code::status_index_out_of_range, "the list has " + std::to_string(size()) +
                                                     " entries, none of index " +
                                                     std::to_string(index));
  }
  // §4.1 (3): from the least significant bit of each octet.
  const unsigned in_octet = 8U / bits_;
  const unsigned shift = static_cast<unsigned>(index % in_octet) * bits_;
  const unsigned mask = (1U << bits_) - 1U;
  return static_cast<std::uint8_t>(static_cast<unsigned>(octets_[index / in_octet]) >> shift &
                                   mask);
}

Result<ListedStatus> StatusList::at(std::uint64_t index) const {
  auto found = value(index);
  if (!found) return pass_on(found);
  switch (*found) {
    case 0:
      return ListedStatus::valid;
    case 2:
      return ListedStatus::suspended;
    default:
      return ListedStatus::invalid;
  }
}

Bytes compressed_list(BytesView octets) {
  uLongf length = compressBound(static_cast<uLong>(octets.size()));
  Bytes compressed(length);
  // It only fails for want of memory: there is room for the worst.
  if (compress2(compressed.data(), &length, octets.data(), static_cast<uLong>(octets.size()),
                level) != Z_OK)
    throw std::bad_alloc();
  compressed.resize(length);
  return compressed;
}

Json status_list_json(unsigned bits, BytesView compressed, const std::string& aggregation_uri) {
  Json list = {{"bits", bits}, {"lst", jose::base64url(compressed)}};
  if (!aggregation_uri.empty()) list["aggregation_uri"] = aggregation_uri;
  return list;
}

Bytes status_list_cbor(unsigned bits, BytesView compressed, const std::string& aggregation_uri) {
  cbor::Members members = {{cbor::text("bits"), cbor::number(bits)},
                           {cbor::text("lst"), cbor::octets(compressed)}};
  if (!aggregation_uri.empty())
    members.emplace_back(cbor::text("aggregation_uri"), cbor::text(aggregation_uri));
  return cbor::map(members);
}

}  // namespace mintmark::verify
