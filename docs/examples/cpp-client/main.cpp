// A client of `vgf-robot serve` in C++: one observation and one action in every control period.
//
// To read the code: `session` is the protocol, `robot` what a robot does with it (put yours there), `messages` the bytes.

#include <algorithm>
#include <cmath>
#include <csignal>
#include <iostream>

#include "arguments.hpp"
#include "clock.hpp"
#include "connection.hpp"
#include "failure.hpp"
#include "keys.hpp"
#include "report.hpp"
#include "robot.hpp"
#include "session.hpp"

namespace {

volatile std::sig_atomic_t stopped_by = 0;

void stop(int signal) { stopped_by = signal; }

void stop_on_signals() {
    struct sigaction action{};
    action.sa_handler = stop;  // without SA_RESTART: a signal ends waiting and sleeping
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

Nanoseconds nanoseconds(double seconds) { return std::llround(seconds * 1e9); }

std::string described(const Welcome& welcome, std::size_t num_observed) {
    return welcome.bundle + " (" + welcome.bundle_sha256.substr(0, 12) + "), " + std::to_string(num_observed) + " -> " +
           std::to_string(welcome.safe_action.size()) + " entries, " + welcome.action_kind + ", " +
           std::to_string(std::lround(1 / welcome.control_period_s)) + " Hz";
}

// The loop: a late period moves none of those after it, and one that is over before it could begin is skipped.
void drive(Session& session, const Arguments& arguments, Nanoseconds period_ns, std::int64_t num_periods,
           Report& report) {
    const SimulatedSensor sensor(session.welcome().observation);
    Receiver receiver(session.welcome());
    const auto share_ns = [&](double share) { return std::llround(share * static_cast<double>(period_ns)); };
    const Nanoseconds start_ns = now_ns();
    Nanoseconds answered_ns = start_ns;
    for (std::int64_t index = 0; stopped_by == 0; ++index) {
        const std::int64_t over = std::max<std::int64_t>(0, (now_ns() - start_ns) / period_ns - index);
        report.skip(std::min(over, num_periods - index));
        index += over;
        if (index >= num_periods) return;
        const Nanoseconds at_ns = start_ns + index * period_ns;
        sleep_until(at_ns);
        const std::vector<float> observation = sensor.read(static_cast<double>(at_ns - start_ns) / 1e9);
        const auto answer = session.ask(observation, at_ns + share_ns(arguments.deadline_share),
                                        at_ns + share_ns(arguments.wait_share));
        const Command command = receiver.step(answer, now_ns());
        // Here command.action goes to the robot, if there is one.
        report.period(answer, command);
        if (answer) answered_ns = now_ns();
        if (now_ns() - answered_ns > nanoseconds(arguments.give_up_s))
            throw Failure(kPeerAtFault, "the server has not answered for too long (--give-up-s); start it again.");
    }
}

ExitCode verdict(const Report& report, const Session& session, const Arguments& arguments) {
    if (stopped_by == SIGINT) return kInterrupted;
    if (report.num_answered() == 0 && stopped_by == 0)
        throw Failure(kPeerAtFault, "no observation was answered in time; see what the server says.");
    if (session.errors().count("internal") != 0)
        throw Failure(kPeerAtFault, "a tick at the server failed; look at the server's own output.");
    if (arguments.max_miss_rate && report.miss_rate() > *arguments.max_miss_rate)
        throw Failure(kLimitNotMet, "expected a miss rate of at most " + std::to_string(*arguments.max_miss_rate) +
                                        ", found " + std::to_string(report.miss_rate()) + ".");
    return kDone;
}

ExitCode run(const Arguments& arguments) {
    Connection connection(arguments.endpoint,
                          read_keys(arguments.server_key, arguments.public_key, arguments.secret_key));
    Session session(connection, "cpp-client", arguments.expect);
    const Welcome& welcome = session.connect(now_ns() + nanoseconds(arguments.connect_s));
    std::size_t num_observed = 0;
    for (const Field& field : welcome.observation) num_observed += field.size;
    std::cout << "connected: " << described(welcome, num_observed) << std::endl;
    if (arguments.engage) session.engage(now_ns() + nanoseconds(arguments.connect_s));
    stop_on_signals();  // from here on, the period under way is finished

    const Nanoseconds period_ns = nanoseconds(welcome.control_period_s);
    const std::int64_t num_periods = std::max<std::int64_t>(1, nanoseconds(arguments.seconds) / period_ns);
    Report report(static_cast<std::size_t>(std::min<std::int64_t>(num_periods, 10'000'000)));
    try {
        drive(session, arguments, period_ns, num_periods, report);
    } catch (const Failure&) {
        report.print(std::cout, session);
        throw;
    }
    session.leave();
    report.print(std::cout, session);
    return verdict(report, session, arguments);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const Arguments arguments = parse_arguments(argc, argv);
        if (arguments.help) {
            std::cout << kUsage;
            return kDone;
        }
        return run(arguments);
    } catch (const Failure& failure) {
        std::cerr << "cpp-client: " << failure.what() << std::endl;
        return failure.code;
    } catch (const BadMessage& error) {
        std::cerr << "cpp-client: what the server says cannot be read: " << error.what() << "." << std::endl;
        return kPeerAtFault;
    }
}
