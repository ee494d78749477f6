// What the kernel refuses this process from now on (seccomp(2), by libseccomp): for a signer, which
// has a vendor's code in it.
#pragma once

#include "base/error.h"

namespace mintmark::mintd {

/// No sockets but AF_UNIX ones: EAFNOSUPPORT. Nor io_uring, which makes sockets past this filter.
/// For any module that needs no network.
///
/// Each filter holds for this process and all threads it will start, for ever; what it refuses the
/// kernel logs (audit record 1326), and the caller goes on. Wants no_new_privs, and a process of
/// one thread. `hsm_sandbox_failed`.
[[nodiscard]] Result<void> refuse_network();

/// Only the calls that OpenSSL, the C library and SoftHSM make, measured, and their kin: files,
/// memory, threads, AF_UNIX sockets (others: EAFNOSUPPORT), with `network` all sockets. Everything
/// else gets EPERM: programs and processes (execve, fork), other processes' memory (ptrace,
/// process_vm_readv), namespaces, mounts, keyrings, BPF, and leave to be dumped.
/// `hsm_sandbox_failed`.
[[nodiscard]] Result<void> allow_known_calls(bool network);

}  // namespace mintmark::mintd
