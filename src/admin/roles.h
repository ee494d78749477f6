// Who may ask for what on the admin socket, and the log of who did.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "config/config.h"
#include "http/message.h"

namespace mintmark::admin {

/// By what the kernel says of the socket's other end. root and the user that this process runs as
/// may all; members of the operate group too; members of the read group may ask what changes
/// nothing; everybody else, and whoever the kernel says nothing of, nothing.
class Roles {
 public:
  /// `config_invalid` names a group that does not exist. `own_user`: whose process this is.
  [[nodiscard]] static Result<Roles> of(const config::Admin& admin, uid_t own_user = geteuid());

  /// Of the socket's file: 0600, or 0666 where groups are named, since then each request is judged.
  [[nodiscard]] unsigned socket_mode() const { return read_ || operate_ ? 0666 : 0600; }

  /// `admin_forbidden` says who would be allowed.
  [[nodiscard]] Result<void> check(const http::Request& request) const;

 private:
  [[nodiscard]] bool may_operate(const http::LocalPeer& peer) const;

  config::Admin names_;
  uid_t own_user_ = 0;
  std::optional<gid_t> read_;
  std::optional<gid_t> operate_;
};

/// True for requests that change nothing: all GET, and questions that come as POST for their
/// length.
[[nodiscard]] bool changes_nothing(const http::Request& request);

/// Puts `roles` before `handler`. Each request that may change something is logged when it is
/// answered (event `admin_command`): actor, command, what it names, how it ended; refused ones too.
[[nodiscard]] http::Handler guarded(Roles roles, http::Handler handler);

}  // namespace mintmark::admin
