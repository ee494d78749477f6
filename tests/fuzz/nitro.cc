// Any octets as a Nitro document: refused with a code, or read within its bounds; and what nobody's
// key signed verifies never.
#include "attest/nitro/carrier.h"
#include "attest/nitro/document.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {
using namespace mintmark::attest;

void judge_document(const nitro::Document& document) {
  require(!document.module_id.empty() && document.digest == "SHA384" && document.timestamp > 0);
  require(!document.pcrs.empty() && document.pcrs.rbegin()->first < 32);
  for (const auto& [index, value] : document.pcrs) require(value.size() == 48);
  require(!document.certificate.empty() && !document.cabundle.empty());
  require(!nitro::check_nonce(document, Bytes(33, 1)));
  (void)nitro::is_debug(document);
  if (!nitro::check_signature(document)) return;
  // Whoever signs may do so with a key of his own; with any octet changed it is another's.
  nitro::Document other = document;
  other.message.payload[0] ^= 1U;
  require(!nitro::check_signature(other));
  other = document;
  other.message.signature[0] ^= 1U;
  require(!nitro::check_signature(other));
}

void run_nitro(BytesView octets) {
  const auto document = nitro::parse(octets);
  if (document)
    judge_document(*document);
  else
    require(facts_of(document.error().code).http_status < 500);
  if (const auto carried = nitro::document_in(octets)) require(carried->size() >= 512);
}

const Registered nitro_target{{"nitro", &run_nitro, {"nitro"}}};

}  // namespace
}  // namespace mintmark::fuzz
