// A Signer that counts what passes through it.
#pragma once

#include <memory>

#include "hsm/key_store.h"
#include "programs/mintd/figures.h"

namespace mintmark::mintd {

class MeasuredSigner final : public hsm::Signer {
 public:
  MeasuredSigner(std::shared_ptr<hsm::Signer> signer, Figures::Signing figures);

  void sign(const hsm::KeyId& key, std::string signing_input, Deadline deadline,
            hsm::Done<Bytes> done) override;
  void list(Deadline deadline, hsm::Done<std::vector<hsm::KeyInfo>> done) override;

 private:
  std::shared_ptr<hsm::Signer> signer_;
  std::shared_ptr<Figures::Signing> figures_;
};

}  // namespace mintmark::mintd
