#include "programs/user.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "base/file.h"

namespace mintmark::programs {
namespace {

using Capabilities = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

__user_cap_header_struct of_this_thread() { return {_LINUX_CAPABILITY_VERSION_3, 0}; }

}  // namespace

Result<std::optional<UserIds>> user_named(const std::string& name) {
  if (name.empty()) return std::optional<UserIds>{};
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return fail(Code::config_invalid,
                "there is no user \"" + name + "\"; make it with: useradd --system " + name);
  }
  return std::optional<UserIds>{UserIds{entry.pw_uid, entry.pw_gid}};
}

bool may_start_as_others() {
  if (geteuid() == 0) return true;
  auto header = of_this_thread();
  Capabilities held{};
  if (syscall(SYS_capget, &header, held.data()) != 0) return false;
  constexpr std::uint32_t wanted = 1U << CAP_SETUID | 1U << CAP_SETGID;
  return (held[0].effective & wanted) == wanted;
}

// The ambient ones are never more than those that are permitted and inheritable (capabilities(7)).
int give_up_capabilities() {
  auto header = of_this_thread();
  const Capabilities none{};
  return syscall(SYS_capset, &header, none.data()) == 0 ? 0 : errno;
}

Result<ActingAs> ActingAs::user(const std::optional<UserIds>& user) {
  ActingAs acting;
  if (!user || geteuid() != 0) return acting;
  acting.own_group_ = getegid();
  acting.own_groups_.resize(static_cast<std::size_t>(std::max(0, getgroups(0, nullptr))));
  (void)!getgroups(static_cast<int>(acting.own_groups_.size()), acting.own_groups_.data());
  if (setgroups(0, nullptr) != 0 || setegid(user->group) != 0 || seteuid(user->user) != 0)
    return fail(Code::io_failed, "cannot act as the signer's user: " + errno_text(errno));
  acting.acting_ = true;
  return acting;
}

ActingAs::ActingAs(ActingAs&& other) noexcept
    : acting_(std::exchange(other.acting_, false)),
      own_group_(other.own_group_),
      own_groups_(std::move(other.own_groups_)) {}

ActingAs::~ActingAs() {
  if (!acting_) return;
  // Going on half changed would make files of the wrong owner.
  if (seteuid(0) != 0 || setegid(own_group_) != 0 ||
      setgroups(own_groups_.size(), own_groups_.data()) != 0)
    std::abort();
}

}  // namespace mintmark::programs
