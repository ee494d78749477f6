#include "programs/mintd/measured_signer.h"

namespace mintmark::mintd {

MeasuredSigner::MeasuredSigner(std::shared_ptr<hsm::Signer> signer, Figures::Signing figures)
    : signer_(std::move(signer)),
      figures_(std::make_shared<Figures::Signing>(std::move(figures))) {}

void MeasuredSigner::sign(const hsm::KeyId& key, std::string signing_input, Deadline deadline,
                          hsm::Done<Bytes> done) {
  figures_->pending.add(1);
  const auto began = std::chrono::steady_clock::now();
  signer_->sign(key, std::move(signing_input), deadline,
                [figures = figures_, began, done = std::move(done)](Result<Bytes> signature) {
                  figures->pending.add(-1);
                  figures->seconds.observe(std::chrono::steady_clock::now() - began);
                  figures->outcomes.count(signature ? nullptr : &signature.error());
                  done(std::move(signature));
                });
}

void MeasuredSigner::list(Deadline deadline, hsm::Done<std::vector<hsm::KeyInfo>> done) {
  signer_->list(deadline, std::move(done));
}

}  // namespace mintmark::mintd
