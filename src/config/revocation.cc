#include "config/revocation.h"

#include <bit>

#include "config/networks.h"

namespace mintmark::config {
namespace {

constexpr std::int64_t day = 86400;
// However little a list of these can be compressed, its token fits into one message to the signer.
constexpr std::int64_t most_list_bits = 1 << 20;
constexpr std::int64_t most_a_minute = 1'000'000;

std::chrono::seconds seconds_in(ObjectReader& reader, const char* key, std::int64_t least,
                                std::int64_t most, std::chrono::seconds usual) {
  return std::chrono::seconds(reader.integer(key, least, most, usual.count()));
}

void read_lists(ObjectReader& reader, Revocation& read) {
  read.status_bits = static_cast<unsigned>(reader.integer("status_bits", 1, 2, read.status_bits));
  const std::int64_t most = most_list_bits / read.status_bits;
  const auto entries = reader.integer("list_entries", 1 << 14, most_list_bits, most);
  read.list_entries = static_cast<std::uint32_t>(entries);
  if (!reader.failed() && !std::has_single_bit(read.list_entries))
    reader.refuse("list_entries", "must be a power of two");
  if (!reader.failed() && entries > most)
    reader.refuse("list_entries",
                  "must be at most " + std::to_string(most) + " with that many status_bits");
  read.list_ttl = seconds_in(reader, "list_ttl_seconds", 1, day, read.list_ttl);
  read.list_life = seconds_in(reader, "list_life_seconds", 1, day, read.list_life);
  if (!reader.failed() && read.list_life < read.list_ttl)
    reader.refuse("list_life_seconds", "must not be less than list_ttl_seconds");
}

}  // namespace

Revocation read_revocation(ObjectReader& root) {
  Revocation read;
  root.object("revocation", false, [&](ObjectReader& reader) {
    read.bound = seconds_in(reader, "bound_seconds", 2, 3600, read.bound);
    read_lists(reader, read);
    read.subscribers =
        static_cast<unsigned>(reader.integer("subscribers", 0, 65536, read.subscribers));
    read.keep_issued = seconds_in(reader, "keep_issued_seconds", 0, 3650 * day, read.keep_issued);
  });
  return read;
}

RateLimits read_rate_limits(ObjectReader& root) {
  RateLimits read;
  root.object("rate_limits", false, [&](ObjectReader& reader) {
    const auto rate = [&reader](const char* key) {
      return static_cast<unsigned>(reader.integer(key, 0, most_a_minute, 0));
    };
    read.per_device_per_minute = rate("tokens_per_device_per_minute");
    read.per_service_per_minute = rate("requests_per_service_per_minute");
    read.per_address_per_minute = rate("tokens_per_address_per_minute");
  });
  return read;
}

SharedSignals read_shared_signals(ObjectReader& root, const Directory& directory) {
  SharedSignals read;
  root.object("shared_signals", false, [&](ObjectReader& reader) {
    read.enabled = reader.boolean("enabled", false);
    const auto texts = reader.texts("push_networks", std::vector<std::string>{});
    if (!reader.failed() && !texts.empty())
      read.push_networks = networks_in(reader, "push_networks", texts);
    read.push_ca = directory.resolve(reader.text("push_ca", ""));
  });
  return read;
}

}  // namespace mintmark::config
