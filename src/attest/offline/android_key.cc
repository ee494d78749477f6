#include "attest/offline/parts.h"

namespace mintmark::attest::offline {

Judgement judge_android_key(const Question& /*question*/) {
  return refused({Code::evidence_files, "not here yet"}, Json::object());
}

}  // namespace mintmark::attest::offline
