// One reconcile under way. Private to this folder.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "keyring/lifecycle.h"

namespace mintmark::keyring {

struct Lifecycle::Run {
  Run(Deadline until, hsm::Done<void> told) : deadline(until), done(std::move(told)) {}

  void show(std::vector<hsm::KeyInfo> keys) {
    for (hsm::KeyInfo& key : keys) {
      std::string id = hsm::to_string(key.id);
      hardware.insert_or_assign(std::move(id), std::move(key));
    }
  }
  void show_new(const hsm::KeyInfo& key) { hardware.insert_or_assign(hsm::to_string(key.id), key); }
  void hide(const std::string& id) { hardware.erase(id); }

  [[nodiscard]] const hsm::KeyInfo* find(const std::string& id) const {
    const auto found = hardware.find(id);
    return found == hardware.end() ? nullptr : &found->second;
  }
  [[nodiscard]] bool shows(const std::string& id) const { return find(id) != nullptr; }
  /// It is what its record says, and may sign.
  [[nodiscard]] bool usable(const store::KeyRecord& record) const {
    const hsm::KeyInfo* key = find(record.id);
    return key != nullptr && key->unfit.empty() && key->kid() == record.kid;
  }

  const Deadline deadline;
  const hsm::Done<void> done;
  std::map<std::string, hsm::KeyInfo> hardware;  ///< By id.
  /// Nothing that the journal counts on was missing when the hardware was looked at.
  bool consistent = true;
  /// Something that it counts on was there: this is the right token.
  bool confirmed = false;
  /// A key that signs is missing or unfit: nothing is done but what an operator took back.
  std::optional<Error> refused;
  std::vector<std::string> troubles;
  std::set<std::string> settled;  ///< Ids whose left-overs were dealt with.
  std::set<RotationStep> failed;
  std::map<KeyKind, Error> errors;
};

}  // namespace mintmark::keyring
