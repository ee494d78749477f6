#include "programs/mintctl/policy_change.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "programs/mintctl/json_edit.h"
#include "programs/mintctl/text_diff.h"

namespace mintmark::programs {
namespace {

using policy::Appraisal;
using policy::BootMode;
using policy::Bundle;
using policy::Finding;
using policy::Policy;

using Place = std::pair<std::string, std::string>;  ///< File, list.
using Additions = std::map<Place, Json>;

/// Several rules may ask for the same.
void add_each_once(Json& list, const Json& values) {
  for (const Json& value : values) {
    if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
  }
}

/// What stands in the way of the boot: where it is refused, what refuses it; what is only watched
/// counts where nothing else does, so that a policy gets no wider than it is asked to.
std::vector<const Finding*> obstacles_in(const Appraisal& appraisal) {
  std::vector<const Finding*> all;
  for (const Finding& finding : appraisal.findings) {
    const bool counts = finding.mode == BootMode::enforce || !appraisal.refused();
    if (!finding.ok && counts) all.push_back(&finding);
  }
  return all;
}

Additions additions_for(const std::vector<const Finding*>& obstacles) {
  Additions all;
  for (const Finding* finding : obstacles) {
    for (const policy::Proposal& proposal : finding->proposals) {
      Json& list = all.try_emplace({proposal.file, proposal.at}, Json::array()).first->second;
      add_each_once(list, proposal.add);
    }
  }
  return all;
}

Result<std::string> changed_text(const std::string& text, const std::string& at,
                                 const Json& values) {
  if (!at.empty()) return with_appended(text, at, values);
  std::string changed = text;
  if (!changed.empty() && !changed.ends_with('\n')) changed += '\n';
  for (const Json& line : values) changed += line.get<std::string>() + '\n';
  return changed;
}

Result<Bundle> changed_bundle(const Bundle& bundle, const Additions& additions) {
  Bundle changed = bundle;
  for (const auto& [place, values] : additions) {
    const auto& [file, at] = place;
    std::string& text = file.empty() ? changed.text : changed.files[file];
    auto next = changed_text(text, at, values);
    if (!next) return pass_on(next);
    text = std::move(*next);
  }
  return changed;
}

Appraisal judge(const Policy& policy, const BootAtHand& boot) {
  return policy.appraise(boot.device, boot.record, boot.last_good ? &*boot.last_good : nullptr);
}

std::string texts_of(const std::vector<const Finding*>& obstacles) {
  std::string text;
  for (const Finding* finding : obstacles)
    text += "\n  " + finding->condition + ": " + finding->text;
  return text;
}

std::string diff_of(const Bundle& before, const Bundle& after) {
  std::string diff = unified_diff(path_of(before, ""), before.text, after.text);
  for (const auto& [name, content] : after.files)
    diff += unified_diff(path_of(before, name), before.files.at(name), content);
  return diff;
}

}  // namespace

std::string path_of(const policy::Bundle& bundle, const std::string& name) {
  if (name.empty()) return bundle.file;
  return (std::filesystem::path(bundle.file).parent_path() / name).lexically_normal().string();
}

Result<PolicyChange> propose_change(const Bundle& bundle, const BootAtHand& boot) {
  const auto policy = Policy::from(bundle);
  if (!policy) return tl::unexpected<Error>(policy.error());
  const Appraisal before = judge(*policy, boot);
  if (before.rules.empty()) return fail(Code::not_found, "nothing to allow: " + before.text());
  if (!before.refused() && !before.would_refuse()) {
    return fail(Code::not_found, "nothing to allow: by " + bundle.file +
                                     " every condition holds (is it in force? mintctl reload)");
  }
  const auto obstacles = obstacles_in(before);
  const Additions additions = additions_for(obstacles);
  auto changed = changed_bundle(bundle, additions);
  if (!changed) return pass_on(changed);
  const auto next = Policy::from(*changed);
  if (!next) return tl::unexpected<Error>(next.error());
  Appraisal after = judge(*next, boot);
  if (after.refused() || (!before.refused() && after.would_refuse())) {
    return fail(Code::boot_refused, "no value that could be added would let this boot pass:" +
                                        texts_of(obstacles_in(after)));
  }
  PolicyChange change{diff_of(bundle, *changed), std::move(*changed), std::move(after), {}};
  for (const Finding* finding : obstacles) {
    if (!finding->proposals.empty()) change.reasons.push_back(finding->text);
  }
  return change;
}

}  // namespace mintmark::programs
