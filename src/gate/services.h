// The services behind the gate, by their external origins. What is not listed is not there,
// whatever a Host header says.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gate/rules.h"

namespace mintmark::gate {

/// One origin of a service.
struct Place {
  std::string origin;  ///< "https://api.example", without a default port: what `htu` begins with.
  std::shared_ptr<const Rules> rules;
};

/// Immutable once it serves; then thread-safe.
class Services {
 public:
  /// `origin` as http::Url::origin gives it. False: it is there already.
  [[nodiscard]] bool add(const std::string& origin, std::shared_ptr<const Rules> rules);
  /// The origin's place; `host` as in a Host header. `gate_origin_unknown`.
  [[nodiscard]] Result<const Place*> find(std::string_view scheme, std::string_view host) const;
  /// All audiences that rules ask for, each once, in one order.
  [[nodiscard]] std::vector<std::string> audiences() const;

 private:
  std::map<std::string, Place, std::less<>> places_;
};

}  // namespace mintmark::gate
