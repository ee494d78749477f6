// Looks after the database files of a process: what hinders one is told once, tried again until it
// is over, and told again.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "store/health.h"

namespace mintmark::mintd {

/// One thread.
class StoreWatch {
 public:
  /// Probes files in trouble (store::probe: waits for the disk), logs `store_trouble` and
  /// `store_trouble_over`, and gives how all stand now.
  std::vector<store::Health::Look> look();

 private:
  void tell(const store::Health::Look& now);

  std::map<std::string, store::Hindrance> told_;
};

/// "issued.db": the label of a figure, and what /readyz says.
[[nodiscard]] std::string file_name(const store::Health::Look& file);
/// {file, trouble: a hindrance or "", failures: {hindrance: times}}.
[[nodiscard]] Json to_json(const store::Health::Look& file);
/// "store: issued.db: full", of those in trouble.
[[nodiscard]] std::vector<std::string> troubles_of(const std::vector<store::Health::Look>& files);

}  // namespace mintmark::mintd
