#include "config/networks.h"

namespace mintmark::config {

std::vector<Network> networks_in(ObjectReader& reader, const char* key,
                                 const std::vector<std::string>& texts) {
  std::vector<Network> networks;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto network = Network::parse(texts[i]);
    if (network)
      networks.push_back(*network);
    else
      reader.refuse_element(key, i,
                            R"(must be an address or a network, without bits behind its prefix: )"
                            R"("192.0.2.7", "192.0.2.0/24", "2001:db8::/32")");
  }
  if (!reader.failed() && texts.empty())
    reader.refuse(key, "must name at least one network: the proxy's");
  return networks;
}

}  // namespace mintmark::config
