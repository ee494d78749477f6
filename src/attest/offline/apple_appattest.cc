#include "attest/offline/parts.h"

namespace mintmark::attest::offline {

Judgement judge_apple_appattest(const Question& /*question*/) {
  return refused({Code::evidence_files, "not here yet"}, Json::object());
}

}  // namespace mintmark::attest::offline
