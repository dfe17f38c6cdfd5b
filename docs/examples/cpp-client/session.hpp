// The conversation with a server: a handshake whenever it is needed, one question at a time, stale replies dropped.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connection.hpp"
#include "messages.hpp"

struct Answer {
    Act act;
    Nanoseconds round_trip_ns = 0;
    Nanoseconds valid_until_ns = 0;  // 0: must not be used at all
};

class Session {
public:
    Session(Connection& connection, std::string name, Expectations expect);

    // Shakes hands. Throws Failure: nobody answers until then, or the server has something else for another robot.
    const Welcome& connect(Nanoseconds until_ns);

    // Asks the server to check the next action and let it through. Throws Failure where it will not.
    void engage(Nanoseconds until_ns);

    // Sends an observation and waits for its answer; nothing where none came in time. A server that was restarted is
    // greeted again and asked again meanwhile. Throws Failure: the server refused what would be refused every time.
    std::optional<Answer> ask(const std::vector<float>& entries, Nanoseconds deadline_ns, Nanoseconds until_ns);

    void leave();

    const Welcome& welcome() const { return *welcome_; }
    std::uint64_t num_dropped() const { return num_dropped_; }
    const std::map<std::string, std::uint64_t>& errors() const { return errors_; }

private:
    enum class State { kClosed, kGreeting, kOpen };

    void greet();
    void sort(const Reply& reply);
    void handle(const Welcome& welcome);
    void handle(const ErrorReply& error);

    Connection& connection_;
    const std::string name_;
    Expectations expect_;
    State state_ = State::kClosed;
    std::optional<Welcome> welcome_;
    Sequence last_sequence_ = 0;
    Sequence hello_sequence_ = 0;
    Nanoseconds greeted_ns_ = 0;
    Sequence pending_ = 0;  // what is waited for; 0 for nothing
    std::optional<Reply> answer_;
    std::uint64_t num_dropped_ = 0;
    std::map<std::string, std::uint64_t> errors_;
};
