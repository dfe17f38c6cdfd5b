#include "arguments.hpp"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <getopt.h>
#include <sstream>

#include "failure.hpp"

const char* const kUsage = R"(usage: cpp-client [options]

Asks a vgf-robot server for an action in every control period of its bundle, and counts what came.

  --endpoint ENDPOINT         the server [tcp://127.0.0.1:5555]
  --seconds S                 end after this long [10]
  --deadline-share SHARE      of the period: the server is asked to answer by then [0.7]
  --wait-share SHARE          of the period: this program waits no longer [0.9]
  --connect-s S               wait this long for the handshake [2]
  --give-up-s S               end after this long without an answer [2]
  --max-miss-rate RATE        exit code 1 where more periods had no fresh action in time
  --engage                    engage, at a server that withholds actions until then
  --expect-observation LIST   NAME:SIZE:UNIT,... in order; a server with other fields refuses
  --expect-action LIST        likewise
  --expect-kind KIND          absolute, delta, velocity or torque
  --expect-period-ms MS       the control period
  --expect-bundle SHA256      the one bundle, 64 hexadecimal digits
  --server-key FILE           the server's public CURVE key; with it
  --secret-key FILE           this client's secret key, and
  --public-key FILE           its public key, which follows from the secret one where it is not given

Exit codes: 0 done, 1 --max-miss-rate was passed, 2 bad input or refused by the server, 3 no server or a fault of it,
130 interrupted.

Example:
  cpp-client --endpoint tcp://127.0.0.1:5555 --seconds 5 --max-miss-rate 0.01
)";

namespace {

constexpr double kLongestS = 1e7;

double number(const std::string& option, const char* text, double highest) {
    char* end = nullptr;
    errno = 0;
    const double value = std::strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || !(value >= 0) || value > highest) {
        std::ostringstream sentence;
        sentence << option << ": expected a number from 0 to " << highest << ", found '" << text << "'.";
        throw Failure(kBadInput, sentence.str());
    }
    return value;
}

std::vector<Field> fields(const std::string& option, const std::string& text) {
    std::vector<Field> found;
    std::stringstream list(text);
    for (std::string item; std::getline(list, item, ',');) {
        const std::size_t first = item.find(':');
        const std::size_t second = first == std::string::npos ? first : item.find(':', first + 1);
        if (second == std::string::npos)
            throw Failure(kBadInput, option + ": expected NAME:SIZE:UNIT, found '" + item + "'.");
        const std::string size = item.substr(first + 1, second - first - 1);
        found.push_back({item.substr(0, first), static_cast<std::uint64_t>(number(option, size.c_str(), 1e6)),
                         item.substr(second + 1), {}, {}});
    }
    return found;
}

}  // namespace

Arguments parse_arguments(int argc, char** argv) {
    enum Option {
        kEndpoint = 1, kSeconds, kDeadlineShare, kWaitShare, kConnect, kGiveUp, kMaxMissRate, kEngage, kExpectObservation,
        kExpectAction, kExpectKind, kExpectPeriod, kExpectBundle, kServerKey, kPublicKey, kSecretKey, kHelp
    };
    static const option kOptions[] = {{"endpoint", required_argument, nullptr, kEndpoint},
                                      {"seconds", required_argument, nullptr, kSeconds},
                                      {"deadline-share", required_argument, nullptr, kDeadlineShare},
                                      {"wait-share", required_argument, nullptr, kWaitShare},
                                      {"connect-s", required_argument, nullptr, kConnect},
                                      {"give-up-s", required_argument, nullptr, kGiveUp},
                                      {"max-miss-rate", required_argument, nullptr, kMaxMissRate},
                                      {"engage", no_argument, nullptr, kEngage},
                                      {"expect-observation", required_argument, nullptr, kExpectObservation},
                                      {"expect-action", required_argument, nullptr, kExpectAction},
                                      {"expect-kind", required_argument, nullptr, kExpectKind},
                                      {"expect-period-ms", required_argument, nullptr, kExpectPeriod},
                                      {"expect-bundle", required_argument, nullptr, kExpectBundle},
                                      {"server-key", required_argument, nullptr, kServerKey},
                                      {"public-key", required_argument, nullptr, kPublicKey},
                                      {"secret-key", required_argument, nullptr, kSecretKey},
                                      {"help", no_argument, nullptr, kHelp},
                                      {nullptr, 0, nullptr, 0}};
    Arguments arguments;
    int index = 0;
    for (int found; (found = getopt_long(argc, argv, "", kOptions, &index)) != -1;) {
        const std::string name = found == '?' ? "" : std::string("--") + kOptions[index].name;
        switch (found) {
            case kEndpoint: arguments.endpoint = optarg; break;
            case kSeconds: arguments.seconds = number(name, optarg, kLongestS); break;
            case kDeadlineShare: arguments.deadline_share = number(name, optarg, 1); break;
            case kWaitShare: arguments.wait_share = number(name, optarg, 1); break;
            case kConnect: arguments.connect_s = number(name, optarg, kLongestS); break;
            case kGiveUp: arguments.give_up_s = number(name, optarg, kLongestS); break;
            case kMaxMissRate: arguments.max_miss_rate = number(name, optarg, 1); break;
            case kEngage: arguments.engage = true; break;
            case kExpectObservation: arguments.expect.observation = fields(name, optarg); break;
            case kExpectAction: arguments.expect.action = fields(name, optarg); break;
            case kExpectKind: arguments.expect.action_kind = optarg; break;
            case kExpectPeriod: arguments.expect.control_period_s = number(name, optarg, 1e9) / 1e3; break;
            case kExpectBundle: arguments.expect.bundle_sha256 = optarg; break;
            case kServerKey: arguments.server_key = optarg; break;
            case kPublicKey: arguments.public_key = optarg; break;
            case kSecretKey: arguments.secret_key = optarg; break;
            case kHelp: arguments.help = true; break;
            default: throw Failure(kBadInput, "this option is not known, or lacks its value; see --help.");
        }
    }
    if (optind < argc)
        throw Failure(kBadInput, std::string("expected options alone, found '") + argv[optind] + "'; see --help.");
    return arguments;
}
