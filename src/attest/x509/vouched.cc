#include "attest/x509/vouched.h"

namespace mintmark::attest::x509 {

void set_vouched(Facts& facts, const Chain& chain) {
  facts.root = chain.root;
  facts.root_subject = chain.root_subject;
  facts.standing = name_of(chain.standing);
  facts.chain.clear();
  for (const Link& link : chain.links)
    facts.chain.push_back({link.subject, link.issuer, link.sha256});
}

std::string voucher_of(const Chain& chain) {
  const bool unknown = chain.root == unknown_root && !chain.links.empty();
  return unknown ? chain.links.back().sha256 : chain.root;
}

}  // namespace mintmark::attest::x509
