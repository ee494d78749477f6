#include "attest/x509/chain.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "attest/x509/conformance.h"
#include "attest/x509/issuer_search.h"

namespace mintmark::attest::x509 {
namespace {

constexpr int deepest_chain = 6;

struct Free {
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

/// What the callback must know.
struct Tolerance {
  const X509* leaf = nullptr;
  Leniency leniency = ExpiredAuthorities::refuse;
  bool crls_required = false;
};

// OpenSSL's security levels.
int auth_level(Strength strength) {
  switch (strength) {
    case Strength::bits_80:
      return 1;
    case Strength::any:
      return 0;
    default:
      return 2;
  }
}

bool alive_at_issue(const X509* authority, const X509* leaf) {
  int days = 0;
  int seconds = 0;
  return ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(leaf),
                        X509_get0_notAfter(authority)) == 1 &&
         (days > 0 || seconds > 0);
}

bool may_have_expired(const Tolerance& tolerance, const X509* authority) {
  if (tolerance.leniency.expired == ExpiredAuthorities::taken) return true;
  return tolerance.leniency.expired == ExpiredAuthorities::taken_if_alive_at_issue &&
         alive_at_issue(authority, tolerance.leaf);
}

ChainFault fault_of(int error) {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return ChainFault::untrusted_root;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return ChainFault::expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return ChainFault::not_yet_valid;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return ChainFault::signature;
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
      return ChainFault::unhandled_critical;
    case X509_V_ERR_CERT_REVOKED:
      return ChainFault::revoked;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
    case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
      return ChainFault::crl;
    default:
      return ChainFault::invalid;
  }
}

bool is_last(X509_STORE_CTX* context) {
  return X509_STORE_CTX_get_error_depth(context) >=
         sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1;
}

// OpenSSL asks at each error whether to go on.
int on_error(int good, X509_STORE_CTX* context) {
  if (good == 1) return 1;
  const auto* tolerance = static_cast<const Tolerance*>(X509_STORE_CTX_get_app_data(context));
  const int depth = X509_STORE_CTX_get_error_depth(context);
  switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return depth > 0 && may_have_expired(*tolerance, X509_STORE_CTX_get_current_cert(context))
                 ? 1
                 : 0;
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
      return depth == 1 && tolerance->leniency.unmarked_issuer ? 1 : 0;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      return !tolerance->crls_required || is_last(context) ? 1 : 0;
    default:
      // Nobody here asks for the revocation of an anchor.
      return fault_of(X509_STORE_CTX_get_error(context)) == ChainFault::crl && is_last(context) ? 1
                                                                                                : 0;
  }
}

std::string issuer_text(const X509* certificate) {
  const std::string url = issuer_url(certificate);
  return "\"" + name_text(X509_get_issuer_name(certificate)) + "\"" +
         (url.empty() ? std::string()
                      : " (published, as the certificate says, at " + url + "; not fetched)");
}

ChainRefusal refusal_of(X509_STORE_CTX* context) {
  const int error = X509_STORE_CTX_get_error(context);
  const X509* at = X509_STORE_CTX_get_current_cert(context);
  const std::string which =
      at == nullptr ? "the chain" : "\"" + name_text(X509_get_subject_name(at)) + "\"";
  const ChainFault fault = fault_of(error);
  switch (fault) {
    case ChainFault::untrusted_root:
      return {fault, "no trusted root vouches for this certificate: its chain ends at issuer " +
                         (at == nullptr ? std::string("?") : issuer_text(at))};
    case ChainFault::expired:
      return {fault, which + " has expired"};
    case ChainFault::not_yet_valid:
      return {fault, which + " is not valid yet"};
    case ChainFault::signature:
      return {fault, "the signature on " + which + " is wrong"};
    case ChainFault::unhandled_critical:
      return {fault, which + " has a critical extension that is not known here"};
    case ChainFault::revoked:
      return {fault, which + " was revoked by its issuer"};
    case ChainFault::crl:
      return {fault, std::string("whether ") + which +
                         " was revoked cannot be told: " + X509_verify_cert_error_string(error)};
    default:
      return {fault, which + ": " + X509_verify_cert_error_string(error)};
  }
}

// What every run of one question has in common.
struct Asked {
  X509* leaf;
  STACK_OF(X509) * helpers;
  const Trust& trust;
  Moment now;
  const Leniency& leniency;
};

// One run of OpenSSL's verification.
class Run {
 public:
  Run(X509_STORE* anchors, const Asked& asked, IssuerSearch* search, unsigned long more_flags = 0)
      : tolerance_{asked.leaf, asked.leniency, asked.trust.crls_required()},
        context_(X509_STORE_CTX_new()) {
    if (!context_ || X509_STORE_CTX_init(context_.get(), anchors, asked.leaf, asked.helpers) != 1)
      return;
    if (search != nullptr) search->attach(context_.get());
    const Trust& trust = asked.trust;
    X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context_.get());
    X509_VERIFY_PARAM_set_time(parameters, static_cast<time_t>(to_unix(asked.now)));
    // Policies: without the flag nobody looks at them, critical ones included (RFC 5280 §6.1).
    X509_VERIFY_PARAM_set_flags(parameters,
                                X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_POLICY_CHECK | more_flags);
    X509_VERIFY_PARAM_set_depth(parameters, deepest_chain);
    X509_VERIFY_PARAM_set_auth_level(parameters, auth_level(asked.leniency.strength));
    X509_STORE_CTX_set_app_data(context_.get(), &tolerance_);
    X509_STORE_CTX_set_verify_cb(context_.get(), &on_error);
    if (trust.crls() != nullptr) {
      X509_STORE_CTX_set0_crls(context_.get(), trust.crls());
      X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    }
    good_ = X509_verify_cert(context_.get()) == 1;
    ERR_clear_error();
  }

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] X509_STORE_CTX* context() const { return context_.get(); }
  [[nodiscard]] ChainRefusal refusal() const {
    return context_ ? refusal_of(context_.get())
                    : ChainRefusal{ChainFault::invalid, "OpenSSL could not begin a verification"};
  }
  [[nodiscard]] STACK_OF(X509) * chain() const {
    return context_ ? X509_STORE_CTX_get0_chain(context_.get()) : nullptr;
  }
  /// Where it failed.
  [[nodiscard]] X509* culprit() const {
    return context_ ? X509_STORE_CTX_get_current_cert(context_.get()) : nullptr;
  }

 private:
  Tolerance tolerance_;
  Owned<X509_STORE_CTX> context_;
  bool good_ = false;
};

std::vector<Link> links_of(const STACK_OF(X509) * chain) {
  std::vector<Link> links;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const X509* one = sk_X509_value(chain, i);
    links.push_back({name_text(X509_get_subject_name(one)), name_text(X509_get_issuer_name(one)),
                     digest_of(one)});
  }
  return links;
}

bool issued(X509* issuer, X509* certificate) {
  const bool by_it = X509_cmp(issuer, certificate) != 0 &&
                     X509_check_issued(issuer, certificate) == X509_V_OK &&
                     X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
  ERR_clear_error();
  return by_it;
}

// OpenSSL ends a chain at the first anchor; one that is refused may stand above it.
const X509* refused_above(X509* last, const Trust& trust) {
  for (int depth = 0; depth < deepest_chain; ++depth) {
    X509* above = nullptr;
    for (X509* known : trust.known()) {
      if (!issued(known, last)) continue;
      const RootRule* rule = trust.rule_of(digest_of(known));
      if (rule != nullptr && *rule == RootRule::refuse) return known;
      above = known;
    }
    if (above == nullptr) return nullptr;
    last = above;
  }
  return nullptr;
}

// `last` is what the last one is, unless that is the leaf itself.
tl::expected<void, ChainRefusal> check_conformance(const STACK_OF(X509) * verified, Place last) {
  const int count = sk_X509_num(verified);
  for (int i = 0; i < count; ++i) {
    X509* one = sk_X509_value(verified, i);
    const Place above = i == count - 1 ? last : Place::authority;
    const std::string why = objection_to(one, i == 0 ? Place::leaf : above);
    if (why.empty()) continue;
    return tl::unexpected(ChainRefusal{ChainFault::invalid,
                                       "\"" + name_text(X509_get_subject_name(one)) + "\" " + why});
  }
  return {};
}

tl::expected<Chain, ChainRefusal> by_the_rules(const STACK_OF(X509) * verified,
                                               const Trust& trust) {
  if (auto conforms = check_conformance(verified, Place::anchor); !conforms)
    return tl::unexpected(conforms.error());
  Chain chain;
  chain.links = links_of(verified);
  const RootRule* nearest = nullptr;
  for (const Link& link : chain.links) {
    const RootRule* rule = trust.rule_of(link.sha256);
    if (rule == nullptr) continue;
    if (*rule == RootRule::refuse)
      return tl::unexpected(ChainRefusal{
          ChainFault::refused_root, "the operator refuses what \"" + link.subject + "\" signed"});
    if (nearest == nullptr) nearest = rule;
  }
  X509* last = sk_X509_value(verified, sk_X509_num(verified) - 1);
  if (const X509* refused = refused_above(last, trust))
    return tl::unexpected(ChainRefusal{
        ChainFault::refused_root,
        "the operator refuses what \"" + name_text(X509_get_subject_name(refused)) + "\" signed"});
  chain.standing =
      nearest != nullptr && *nearest == RootRule::trust ? Standing::trusted : Standing::review;
  chain.root = chain.links.back().sha256;
  chain.root_subject = chain.links.back().subject;
  return chain;
}

// Nobody known vouches for it: all that can be checked is checked, as if the last certificate that
// was found were an anchor.
tl::expected<Chain, ChainRefusal> of_unknown(const Run& first, const Asked& asked) {
  STACK_OF(X509)* found = first.chain();
  const int count = found == nullptr ? 0 : sk_X509_num(found);
  if (count == 0) return tl::unexpected(first.refusal());
  X509* last = sk_X509_value(found, count - 1);
  const std::unique_ptr<X509_STORE, FreeX509> assumed(X509_STORE_new());
  if (!assumed || X509_STORE_add_cert(assumed.get(), last) != 1)
    return tl::unexpected(first.refusal());
  const Run second(assumed.get(), asked, nullptr, X509_V_FLAG_CHECK_SS_SIGNATURE);
  if (!second.good()) return tl::unexpected(second.refusal());
  // Assumed is not known: nobody gave their word for it.
  if (auto conforms = check_conformance(second.chain(), Place::authority); !conforms)
    return tl::unexpected(conforms.error());
  if (asked.trust.unknown() == UnknownRoots::refuse) return tl::unexpected(first.refusal());
  Chain chain;
  chain.links = links_of(second.chain());
  chain.root = unknown_root;
  chain.root_subject = chain.links.back().issuer;
  return chain;
}

}  // namespace

Code code_of(ChainFault fault) {
  switch (fault) {
    case ChainFault::untrusted_root:
    case ChainFault::refused_root:
      return Code::certificate_untrusted_root;
    case ChainFault::expired:
      return Code::certificate_expired;
    case ChainFault::not_yet_valid:
      return Code::certificate_not_yet_valid;
    case ChainFault::signature:
      return Code::certificate_signature;
    case ChainFault::unhandled_critical:
      return Code::certificate_unhandled_critical;
    case ChainFault::revoked:
      return Code::certificate_revoked;
    case ChainFault::crl:
      return Code::ek_crl;  // The same trouble, and as much the operator's, whoever is certified.
    default:
      return Code::certificate_chain_invalid;
  }
}

const char* name_of(Standing standing) {
  return standing == Standing::trusted ? "trusted" : "review";
}

tl::expected<Chain, ChainRefusal> check_chain(X509* leaf, const std::vector<Certificate>& offered,
                                              const Trust& trust, Moment now,
                                              const Leniency& leniency) {
  const Owned<STACK_OF(X509)> helpers(sk_X509_new_null());
  for (const auto* certificates : {&trust.intermediates(), &offered}) {
    for (const Certificate& certificate : *certificates)
      sk_X509_push(helpers.get(), certificate.get());
  }
  const Asked asked{leaf, helpers.get(), trust, now, leniency};
  std::vector<X509*> candidates = trust.known();
  for (const Certificate& certificate : offered) candidates.push_back(certificate.get());
  IssuerSearch search(std::move(candidates));
  const Run run(trust.anchors(), asked, &search);
  if (run.good()) return by_the_rules(run.chain(), trust);
  bool worth_another = search.learn(run.chain(), run.culprit());
  while (worth_another) {
    const Run again(trust.anchors(), asked, &search);
    if (again.good()) return by_the_rules(again.chain(), trust);
    worth_another = search.learn(again.chain(), again.culprit());
  }
  // The first run's reason: the others looked for a way around it.
  const ChainRefusal refusal = run.refusal();
  if (refusal.fault != ChainFault::untrusted_root) return tl::unexpected(refusal);
  return of_unknown(run, asked);
}

Result<std::vector<Certificate>> parse_offered(const std::vector<Bytes>& chain, Code malformed,
                                               Code unbounded) {
  if (chain.size() > most_offered)
    return fail(malformed, "more than " + std::to_string(most_offered) + " certificates offered");
  std::vector<Certificate> offered;
  for (const Bytes& octets : chain) {
    std::string why;
    Certificate certificate = parse_certificate(octets, &why);
    if (!certificate) return fail(malformed, why);
    if (!has_bounded_key(certificate.get()))
      return fail(unbounded,
                  "an offered certificate has a key that is too large or of a kind not known");
    offered.push_back(std::move(certificate));
  }
  return offered;
}

Json to_json(const std::vector<Link>& links) {
  Json all = Json::array();
  for (const Link& link : links)
    all.push_back({{"subject", link.subject}, {"issuer", link.issuer}, {"sha256", link.sha256}});
  return all;
}

}  // namespace mintmark::attest::x509
