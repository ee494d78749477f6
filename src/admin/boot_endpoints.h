// The operators' questions on what a device booted; answered by the front.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "http/message.h"
#include "policy/policy.h"
#include "store/store.h"

namespace mintmark::admin {

struct BootSources {
  const store::DeviceStore& store;
  std::function<std::shared_ptr<const policy::Policy>()> policy;
  std::function<std::string()> policy_file;
};

/// {"device": {…}, "good": {"at", "record", "appraisal"} | null, "last": {"at", "outcome",
/// "refused"?, "record", "appraisal"} | null}: as it was judged then. `device_not_found`.
[[nodiscard]] Result<Json> boots_of(const BootSources& sources, const std::string& id);

/// {"device": {…}, "at", "code", "appraisal", "policy_file"}: the last boot judged again by the
/// policy in force; `code` is what the device would get, "" if it would pass.
/// `device_not_found`, `boot_record_missing`.
[[nodiscard]] Result<Json> explain_boot(const BootSources& sources, const std::string& id);

/// Answers of any length, for frames that are bounded: {"parts": N, "content": base64url of the
/// part that the query names (?part=0 …)}. The first part makes the answer, the others are of the
/// same one as long as nobody has asked for another. One thread.
class LongAnswers {
 public:
  using Make = std::function<Result<Json>()>;
  /// `what` names the answer. Errors of `make`; `admin_member_wrong` for a part that is not there.
  [[nodiscard]] http::Response part(const std::string& what, const std::string& query,
                                    const Make& make);

 private:
  std::string what_;
  std::string text_;
};

}  // namespace mintmark::admin
