// Before a process ends on the spot: whoever is inside the vendor's module comes out first.
#pragma once

namespace mintmark::hsm {

/// From now on no operation begins (Vitals::Scope): a thread that comes to one waits there for the
/// end of the process. Returns when all that other threads are inside of have ended; the caller's
/// own count as over. Ended inside a call, a process can cost SoftHSM its token; one that hangs is
/// the keeper's to see. Needs no memory; from any thread, also from several.
void end_operations();

}  // namespace mintmark::hsm
