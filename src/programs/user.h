// Users that parts of us run as.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace mintmark::programs {

struct UserIds {
  uid_t user = 0;
  gid_t group = 0;
};

/// nullopt for "": stay as we are. `config_invalid` if there is no such user.
[[nodiscard]] Result<std::optional<UserIds>> user_named(const std::string& name);

/// Whether this process may start others as another user: root, or with CAP_SETUID and CAP_SETGID,
/// as a service that has a user of its own.
[[nodiscard]] bool may_start_as_others();

/// Takes every capability away from this thread, and from what is started next, unless root starts
/// it. Async-signal-safe. errno of what failed, or 0.
[[nodiscard]] int give_up_capabilities();

/// Acts as another user while it lives: what is made meanwhile is that user's, and what that user
/// may not touch is refused. No boundary: the process stays root's. For one thread.
class ActingAs {
 public:
  /// Nothing happens for nullopt, or where we are not root. `io_failed`.
  [[nodiscard]] static Result<ActingAs> user(const std::optional<UserIds>& user);
  ~ActingAs();
  ActingAs(ActingAs&& other) noexcept;
  ActingAs& operator=(ActingAs&&) = delete;

 private:
  ActingAs() = default;
  bool acting_ = false;
  gid_t own_group_ = 0;
  std::vector<gid_t> own_groups_;
};

}  // namespace mintmark::programs
