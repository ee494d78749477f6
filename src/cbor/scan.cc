#include "cbor/scan.h"

#include <cbor.h>

#include <optional>
#include <vector>

#include "base/text.h"
#include "cbor/cbor.h"

namespace mintmark::cbor {
namespace {

enum class Kind : std::uint8_t { number, string, other, array, map, tag, end, refused };

// What libcbor's decoder saw last.
struct Event {
  Kind kind = Kind::refused;
  std::optional<std::uint64_t> count = std::nullopt;  // Of an array or a map that declares it.
  const char* why = "";
};

Event& event_of(void* context) { return *static_cast<Event*>(context); }

template <typename T>
void on_number(void* context, T /*value*/) {
  event_of(context) = {Kind::number};
}
template <typename T>
void on_other(void* context, T /*value*/) {
  event_of(context) = {Kind::other};
}
void on_nothing(void* context) { event_of(context) = {Kind::other}; }
void on_octets(void* context, cbor_data /*data*/, std::size_t /*length*/) {
  event_of(context) = {Kind::string};
}
void on_text(void* context, cbor_data data, std::size_t length) {
  event_of(context) = is_utf8(as_text({data, length}))
                          ? Event{Kind::string}
                          : Event{Kind::refused, {}, "text is not UTF-8"};
}
void on_chunks(void* context) {
  event_of(context) = {Kind::refused, {}, "a string of indefinite length is not taken"};
}
void on_array(void* context, std::size_t count) { event_of(context) = {Kind::array, count}; }
void on_map(void* context, std::size_t count) { event_of(context) = {Kind::map, count}; }
void on_open_array(void* context) { event_of(context) = {Kind::array}; }
void on_open_map(void* context) { event_of(context) = {Kind::map}; }
void on_tag(void* context, std::uint64_t /*number*/) { event_of(context) = {Kind::tag, 1}; }
void on_end(void* context) { event_of(context) = {Kind::end}; }

constexpr cbor_callbacks callbacks = {.uint8 = on_number,
                                      .uint16 = on_number,
                                      .uint32 = on_number,
                                      .uint64 = on_number,
                                      .negint64 = on_number,
                                      .negint32 = on_number,
                                      .negint16 = on_number,
                                      .negint8 = on_number,
                                      .byte_string_start = on_chunks,
                                      .byte_string = on_octets,
                                      .string = on_text,
                                      .string_start = on_chunks,
                                      .indef_array_start = on_open_array,
                                      .array_start = on_array,
                                      .indef_map_start = on_open_map,
                                      .map_start = on_map,
                                      .tag = on_tag,
                                      .float2 = on_other,
                                      .float4 = on_other,
                                      .float8 = on_other,
                                      .undefined = on_nothing,
                                      .null = on_nothing,
                                      .boolean = on_other,
                                      .indef_break = on_end};

// An array, a map or a tag that is still open.
struct Open {
  Kind kind;
  std::optional<std::uint64_t> count;  // Items to come in all; nothing: until a break.
  std::uint64_t seen = 0;

  [[nodiscard]] bool wants_key() const { return kind == Kind::map && seen % 2 == 0; }
  [[nodiscard]] bool full() const { return count && seen == *count; }
};

class Scan {
 public:
  Scan(BytesView octets, std::size_t most) : octets_(octets), most_(most) {}

  Result<Shape> run() {
    if (octets_.size() > most_)
      return fail(Code::cbor_too_large, "more than " + std::to_string(most_) + " octets of CBOR");
    bool whole = false;
    while (!whole) {
      auto event = next();
      if (!event) return pass_on(event);
      auto taken = take(*event);
      if (!taken) return pass_on(taken);
      whole = open_.empty();
    }
    return Shape{at_, std::move(short_tags_)};
  }

 private:
  Result<Event> next() {
    constexpr std::uint8_t tag_6 = 0xC6;
    constexpr std::uint8_t tag_20 = 0xD4;
    if (at_ < octets_.size() && octets_[at_] >= tag_6 && octets_[at_] <= tag_20) {
      short_tags_.push_back(at_++);
      return Event{Kind::tag, 1};
    }
    Event event;
    const auto rest = octets_.subspan(at_);
    const auto result = cbor_stream_decode(rest.data(), rest.size(), &callbacks, &event);
    if (result.status == CBOR_DECODER_NEDATA || rest.empty())
      return malformed("the item ends early");
    if (result.status != CBOR_DECODER_FINISHED) return malformed("a reserved initial octet");
    if (event.kind == Kind::refused) return malformed(event.why);
    at_ += result.read;
    return event;
  }

  Result<void> take(const Event& event) {
    if (event.kind == Kind::end) return close_by_break();
    if (++items_ > most_items)
      return fail(Code::cbor_too_large, "more than " + std::to_string(most_items) + " items");
    if (!open_.empty() && open_.back().wants_key() && event.kind != Kind::number &&
        event.kind != Kind::string)
      return malformed("a map's key must be an integer or a string");
    if (!open_.empty()) ++open_.back().seen;
    if (event.kind == Kind::array || event.kind == Kind::map || event.kind == Kind::tag)
      return open(event);
    close_full();
    return {};
  }

  Result<void> open(const Event& event) {
    // Each item takes an octet at least: a count beyond them is a lie, told before libcbor
    // allocates for it.
    const std::uint64_t room = octets_.size() - at_;
    if (event.count && *event.count > room) return malformed("fewer octets than declared items");
    if (open_.size() == deepest)
      return fail(Code::cbor_too_deep, "more than " + std::to_string(deepest) + " levels of CBOR");
    auto count = event.count;
    if (count && event.kind == Kind::map) *count *= 2;
    open_.push_back({event.kind, count});
    close_full();
    return {};
  }

  void close_full() {
    while (!open_.empty() && open_.back().full()) open_.pop_back();
  }

  Result<void> close_by_break() {
    if (open_.empty() || open_.back().count) return malformed("a break where nothing can end");
    if (open_.back().kind == Kind::map && !open_.back().wants_key())
      return malformed("a map ends behind a key");
    open_.pop_back();
    close_full();
    return {};
  }

  [[nodiscard]] tl::unexpected<Error> malformed(const std::string& why) const {
    return fail(Code::cbor_malformed, "CBOR, octet " + std::to_string(at_) + ": " + why);
  }

  BytesView octets_;
  std::size_t most_;
  std::size_t at_ = 0;
  std::size_t items_ = 0;
  std::vector<std::size_t> short_tags_;
  std::vector<Open> open_;
};

}  // namespace

Result<Shape> scan(BytesView octets, std::size_t most) { return Scan(octets, most).run(); }

}  // namespace mintmark::cbor
