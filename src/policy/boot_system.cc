// What the operating system was started with, and what it measured: command line and IMA.
#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "policy/boot_judge.h"
#include "policy/boot_words.h"
#include "policy/command_line.h"

namespace mintmark::policy {
namespace {

using Texts = std::vector<std::string>;

constexpr std::size_t longest_line = 512;
constexpr std::size_t most_proposed = 1024;

/// Finishes what is common to the three conditions; `wrong`: of the first line that does not fit.
void add_line_finding(const Case& one, const std::string& condition, const Texts& wants,
                      const std::string* line, const std::string& wrong, Findings& findings) {
  const Texts& lines = one.now.facts.kernel_command_lines;
  Finding finding =
      finding_of(one, "kernel_command_line." + condition,
                 printable(lines.empty() ? "" : lines.front(), longest_line), any_of(wants));
  finding.ok = line == nullptr && !lines.empty();
  if (lines.empty()) finding.text = "no kernel command line was measured";
  if (line != nullptr) {
    finding.has = printable(*line, longest_line);
    finding.text = wrong;
    const bool compared = one.good != nullptr && !one.good->facts.kernel_command_lines.empty();
    if (compared) {
      const Texts& before = one.good->facts.kernel_command_lines;
      const bool same = holds(before, *line);
      finding.last_good = printable(same ? *line : before.front(), longest_line);
      finding.likely = same ? "the policy changed" : "kernel command line changed";
      finding.text += same ? "; the last good boot had the same"
                           : "; the last good boot had \"" + finding.last_good + "\"";
      finding.text += likely_words(finding.likely);
    }
    if (condition == "is" && line->size() <= longest_line &&
        printable(*line, longest_line) == *line)
      finding.proposals.push_back(proposal_of(one, "kernel_command_line/is", Json::array({*line})));
  }
  findings.push_back(std::move(finding));
}

void judge_words(const Case& one, const std::string& condition, const Texts& words, bool must_stand,
                 Findings& findings) {
  if (words.empty()) return;
  for (const std::string& line : one.now.facts.kernel_command_lines) {
    for (const std::string& word : words) {
      // What must stand must reach the kernel; what must not, nobody may be able to read there.
      const bool holds = must_stand ? kernel_takes(line, word) : !anyone_might_read(line, word);
      if (holds) continue;
      return add_line_finding(one, condition, words, &line,
                              std::string("the kernel command line ") +
                                  (must_stand ? "lacks" : "has") + " \"" + printable(word) + "\"",
                              findings);
    }
  }
  add_line_finding(one, condition, words, nullptr, "", findings);
}

void judge_whole_line(const Case& one, const Texts& allowed, Findings& findings) {
  if (allowed.empty()) return;
  const Texts& lines = one.now.facts.kernel_command_lines;
  const auto foreign = std::find_if(lines.begin(), lines.end(),
                                    [&](const std::string& line) { return !holds(allowed, line); });
  const std::string* line = foreign == lines.end() ? nullptr : &*foreign;
  const std::string wrong = line == nullptr
                                ? ""
                                : "the kernel command line \"" + printable(*line, longest_line) +
                                      "\" is not one of the allowed";
  add_line_finding(one, "is", allowed, line, wrong, findings);
}

void judge_violations(const Case& one, const attest::ImaSummary& ima, Findings& findings) {
  Finding finding = finding_of(one, "ima.violations", std::to_string(ima.violations), "0");
  finding.ok = ima.violations == 0;
  if (!finding.ok) {
    finding.pcr = 10;
    finding.text = "IMA noted " + std::to_string(ima.violations) +
                   (ima.violations == 1 ? " violation" : " violations") +
                   ": a file was written while it was measured";
  }
  findings.push_back(std::move(finding));
}

/// A name may hold anything: a line's end, which no list can have, or what a terminal obeys that
/// shows the list.
bool is_one_line(const std::string& text) {
  return is_utf8(text) && printable(text, text.size()) == text;
}

/// Why the files that are kept are not all that were measured; "" where they are.
std::string why_not_whole(const attest::ImaSummary& ima) {
  if (ima.unnamed > 0) {
    return std::to_string(ima.unnamed) + (ima.unnamed == 1 ? " entry" : " entries") +
           " of the IMA log " + (ima.unnamed == 1 ? "names" : "name") +
           " no file that can be looked up: of an unknown template, or shown as one";
  }
  if (ima.files_cut)
    return "more files were measured than are kept, so that not all can be looked up";
  return ima.files.empty() ? "the IMA log has no file that can be looked up" : "";
}

void judge_files(const Case& one, const attest::ImaSummary& ima, const ImaReference& reference,
                 Findings& findings) {
  const auto& files = ima.files;
  const std::string not_whole = why_not_whole(ima);
  Json foreign = Json::array();
  // Where more stands in the way, a longer list lets nothing pass.
  bool can_be_listed = not_whole.empty();
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& [path, digest] = files[i];
    // The first entry: of the PCRs before the kernel, which other conditions are for; it is no
    // file.
    if (i == 0 && path == "boot_aggregate") continue;
    std::string line = ima_line(path, digest);
    if (reference.lines.contains(line)) continue;
    can_be_listed = can_be_listed && is_one_line(line);
    foreign.push_back(std::move(line));
  }
  Finding finding = finding_of(one, "ima.reference", std::to_string(ima.files.size()) + " files",
                               "only files of " + printable(reference.file, 255));
  finding.ok = foreign.empty() && not_whole.empty();
  if (!finding.ok) finding.pcr = 10;
  if (!foreign.empty()) {
    finding.has = printable(foreign.front().get<std::string>(), longest_line);
    finding.text = "a file was measured that " + reference.file + " does not list: " + finding.has;
    if (foreign.size() > 1)
      finding.text += " (and " + std::to_string(foreign.size() - 1) + " more)";
    if (foreign.size() <= most_proposed && can_be_listed)
      finding.proposals.push_back({reference.file, "", std::move(foreign)});
  } else {
    finding.text = not_whole;
  }
  findings.push_back(std::move(finding));
}

}  // namespace

void judge_command_line(const Case& one, Findings& findings) {
  const CommandLineExpect& expect = one.rule.expect.kernel_command_line;
  const bool stands = !expect.contains.empty() || !expect.lacks.empty() || !expect.is.empty();
  if (!stands) return;
  if (!one.now.log_given) {
    Texts wants = expect.is;
    for (const std::string& word : expect.contains) wants.push_back("with " + word);
    for (const std::string& word : expect.lacks) wants.push_back("without " + word);
    return add_without_log(one, "kernel_command_line", any_of(wants), findings);
  }
  // Lines that are hidden would lack what they should have, and have what they should lack.
  if (add_if_not_known(one, "kernel_command_lines", "kernel_command_line", "every line known",
                       findings))
    return;
  judge_words(one, "contains", expect.contains, true, findings);
  judge_words(one, "lacks", expect.lacks, false, findings);
  judge_whole_line(one, expect.is, findings);
}

void judge_ima(const Case& one, Findings& findings) {
  if (!one.rule.expect.ima) return;
  const ImaExpect& expect = *one.rule.expect.ima;
  if (!one.now.ima) {
    Finding finding = finding_of(one, "ima", "no IMA log", "an IMA log");
    const auto& problem = one.now.ima_problem;
    finding.text =
        problem ? "ima: the IMA log that was given does not count: " + printable(problem->text, 512)
                : "ima: no IMA log was given to judge it by";
    findings.push_back(std::move(finding));
    return;
  }
  if (expect.no_violations) judge_violations(one, *one.now.ima, findings);
  if (expect.reference) judge_files(one, *one.now.ima, *expect.reference, findings);
}

}  // namespace mintmark::policy
