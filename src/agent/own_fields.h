// What the agent says itself in whatever request it sends for a program.
#pragma once

#include <array>
#include <string_view>

namespace mintmark::agent {

/// In lower case. The message's framing is made anew; Expect is answered by the hop that it reached
/// (RFC 9110 §10.1.1); the scope is a program's word to the agent.
inline constexpr std::array<std::string_view, 6> made_anew = {
    "host", "content-length", "expect", "authorization", "dpop", "mint-agent-scope"};

}  // namespace mintmark::agent
