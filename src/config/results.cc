#include "config/results.h"

namespace mintmark::config {
namespace {

constexpr std::int64_t day = 86400;

}  // namespace

Results read_results(ObjectReader& root) {
  Results read;
  root.object("results", false, [&](ObjectReader& results) {
    read.enabled = results.boolean("enabled", false);
    read.life = std::chrono::seconds(results.integer("life_seconds", 1, day, read.life.count()));
  });
  return read;
}

}  // namespace mintmark::config
