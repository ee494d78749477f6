#include "attest/tdx/pck.h"

#include <openssl/asn1.h>
#include <openssl/err.h>

#include <algorithm>
#include <map>
#include <optional>

namespace mintmark::attest::tdx {
namespace {

const std::string sgx = "1.2.840.113741.1.13.1";
constexpr int most_fields = 32;
constexpr unsigned tcb_components = 16;
constexpr unsigned tcb_pce_svn = 17;
constexpr unsigned tcb_cpu_svn = 18;

struct Free {
  void operator()(ASN1_SEQUENCE_ANY* sequence) const {
    sk_ASN1_TYPE_pop_free(sequence, &ASN1_TYPE_free);
  }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

/// A value as ASN.1 has it: its tag, and its content; of a SEQUENCE all of its encoding.
struct Value {
  int tag = 0;
  Bytes content;
};
using Fields = std::map<std::string, Value>;

tl::unexpected<Error> bad(const std::string& why) {
  return fail(Code::tdx_pck_certificate, "the PCK certificate " + why);
}

BytesView view_of(const ASN1_STRING* octets) {
  return {ASN1_STRING_get0_data(octets), static_cast<std::size_t>(ASN1_STRING_length(octets))};
}

Owned<ASN1_SEQUENCE_ANY> sequence_in(BytesView der) {
  const std::uint8_t* at = der.data();
  Owned<ASN1_SEQUENCE_ANY> sequence(
      d2i_ASN1_SEQUENCE_ANY(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (sequence && (at != der.data() + der.size() || sk_ASN1_TYPE_num(sequence.get()) > most_fields))
    sequence.reset();
  return sequence;
}

// SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, ANY }; nothing where it is none, or a name stands
// twice.
std::optional<Fields> fields_in(BytesView der) {
  const auto list = sequence_in(der);
  if (!list) return std::nullopt;
  Fields fields;
  for (int i = 0; i < sk_ASN1_TYPE_num(list.get()); ++i) {
    const ASN1_TYPE* entry = sk_ASN1_TYPE_value(list.get(), i);
    if (entry->type != V_ASN1_SEQUENCE) return std::nullopt;
    const auto pair = sequence_in(view_of(entry->value.sequence));
    if (!pair || sk_ASN1_TYPE_num(pair.get()) != 2) return std::nullopt;
    const ASN1_TYPE* name = sk_ASN1_TYPE_value(pair.get(), 0);
    const ASN1_TYPE* value = sk_ASN1_TYPE_value(pair.get(), 1);
    if (name->type != V_ASN1_OBJECT) return std::nullopt;
    const bool text = value->type == V_ASN1_SEQUENCE || value->type == V_ASN1_OCTET_STRING ||
                      value->type == V_ASN1_INTEGER;
    Value kept{value->type, text ? to_bytes(view_of(value->value.asn1_string)) : Bytes{}};
    if (!fields.emplace(x509::dotted(name->value.object), std::move(kept)).second)
      return std::nullopt;
  }
  return fields;
}

template <std::size_t size>
bool read_octets(const Fields& fields, const std::string& name,
                 std::array<std::uint8_t, size>& into) {
  const auto found = fields.find(name);
  if (found == fields.end() || found->second.tag != V_ASN1_OCTET_STRING ||
      found->second.content.size() != size)
    return false;
  std::copy(found->second.content.begin(), found->second.content.end(), into.begin());
  return true;
}

// An INTEGER's content is its magnitude here; a negative one has another tag.
template <typename Integer>
bool read_number(const Fields& fields, const std::string& name, Integer& into) {
  const auto found = fields.find(name);
  if (found == fields.end() || found->second.tag != V_ASN1_INTEGER ||
      found->second.content.size() > sizeof(Integer))
    return false;
  unsigned value = 0;
  for (const std::uint8_t octet : found->second.content) value = value << 8U | octet;
  into = static_cast<Integer>(value);
  return true;
}

bool read_tcb(const Fields& fields, Pck& pck) {
  const std::string tcb = sgx + ".2.";
  for (unsigned i = 0; i < tcb_components; ++i) {
    if (!read_number(fields, tcb + std::to_string(i + 1), pck.components[i])) return false;
  }
  return read_number(fields, tcb + std::to_string(tcb_pce_svn), pck.pce_svn) &&
         read_octets(fields, tcb + std::to_string(tcb_cpu_svn), pck.cpu_svn);
}

// The content of the extension; nothing where it is absent or stands twice.
std::optional<BytesView> extension(const X509* certificate) {
  const auto found = x509::extensions_numbered(certificate, sgx);
  if (found.size() != 1) return std::nullopt;
  return x509::content_of(found.front());
}

}  // namespace

Result<Pck> read_pck(X509* certificate) {
  if (x509::is_authority(certificate)) return bad("is an authority's");
  const auto content = extension(certificate);
  if (!content) return bad("has no extension " + sgx + ", or two");
  const auto fields = fields_in(*content);
  if (!fields) return bad("has an extension " + sgx + " that cannot be read");
  const auto nested = fields->find(sgx + ".2");
  if (nested == fields->end() || nested->second.tag != V_ASN1_SEQUENCE)
    return bad("does not say its TCB");
  const auto tcb = fields_in(nested->second.content);
  Pck pck;
  if (!tcb || !read_tcb(*tcb, pck)) return bad("says a TCB that cannot be read");
  if (!read_octets(*fields, sgx + ".3", pck.pce_id) || !read_octets(*fields, sgx + ".4", pck.fmspc))
    return bad("says no PCE-ID or FMSPC");
  return pck;
}

}  // namespace mintmark::attest::tdx
