#include "session.hpp"

#include <algorithm>
#include <iostream>
#include <set>
#include <utility>

#include "failure.hpp"

namespace {

// A greeting without an answer is repeated after this long; sooner, a slow server's answers would all come too late.
constexpr Nanoseconds kGreetingPatience = kSecond;
constexpr std::uint64_t kEpisode = 1;
constexpr std::uint64_t kSeed = 0;

// What would be refused again until this program, its keys or the server's bundle are changed. Every other kind, one of a
// newer server included, costs the robot this period's answer.
const std::set<std::string> kFinal = {"malformed",      "unknown_type", "wrong_version", "too_large",
                                      "too_many_frames", "mismatch",     "wrong_dtype",   "wrong_shape",
                                      "wrong_length",    "budget",       "engagement",    "forbidden"};

}  // namespace

Session::Session(Connection& connection, std::string name, Expectations expect)
    : connection_(connection), name_(std::move(name)), expect_(std::move(expect)) {}

const Welcome& Session::connect(Nanoseconds until_ns) {
    while (state_ != State::kOpen) {
        greet();
        // In short waits: ZeroMQ tells nobody that a connection is there now.
        if (const auto payload = connection_.receive(std::min(until_ns, now_ns() + 10'000 * kMicrosecond)))
            sort(decode(payload->data(), payload->size()));
        else if (now_ns() >= until_ns)
            throw Failure(kPeerAtFault, "nobody answered the handshake in time; start `vgf-robot serve`, correct the "
                                        "endpoint, or give the keys that it asks for.");
    }
    return *welcome_;
}

void Session::engage(Nanoseconds until_ns) {
    pending_ = ++last_sequence_;
    connection_.send(encode_engage(pending_));
    while (!answer_) {
        const auto payload = connection_.receive(until_ns);
        if (!payload) throw Failure(kPeerAtFault, "the server did not answer to `engage` in time.");
        sort(decode(payload->data(), payload->size()));
    }
    if (!std::holds_alternative<Engagement>(*answer_))
        throw Failure(kPeerAtFault, "the server could not answer to `engage`.");
    answer_.reset();
}

std::optional<Answer> Session::ask(const std::vector<float>& entries, Nanoseconds deadline_ns,
                                   Nanoseconds until_ns) {
    const Nanoseconds asked_ns = now_ns();
    Nanoseconds sent_ns = 0;
    pending_ = 0;
    answer_.reset();
    while (!answer_) {
        if (state_ != State::kOpen) greet();
        if (state_ == State::kOpen && pending_ == 0) {
            sent_ns = now_ns();
            // Sent again to a restarted server, the observation is older and its deadline nearer.
            const Nanoseconds left_ns = std::max<Nanoseconds>(0, deadline_ns - sent_ns);
            const Observation observation{last_sequence_ + 1, kEpisode, kSeed, entries,
                                          (sent_ns - asked_ns) / kMicrosecond, left_ns / kMicrosecond};
            if (connection_.send(encode_observe(observation))) pending_ = ++last_sequence_;
        }
        const auto payload = connection_.receive(until_ns);
        if (!payload) return std::nullopt;
        sort(decode(payload->data(), payload->size()));
    }
    const Nanoseconds received_ns = now_ns();
    pending_ = 0;
    const Act* act = std::get_if<Act>(&*answer_);
    if (act == nullptr) return std::nullopt;
    const Nanoseconds valid_ns = act->valid_for_us * kMicrosecond;
    if (valid_ns == 0) return Answer{*act, received_ns - sent_ns, 0};
    // Counted from when it can have come at the earliest: a process that was held up reads it later.
    const Nanoseconds valid_until_ns = std::min(received_ns, sent_ns + act->server_ns) + valid_ns;
    if (received_ns >= valid_until_ns) {
        ++num_dropped_;
        return std::nullopt;
    }
    return Answer{*act, received_ns - sent_ns, valid_until_ns};
}

void Session::leave() {
    if (state_ != State::kClosed) connection_.send(encode_bye(++last_sequence_));
    state_ = State::kClosed;
}

void Session::greet() {
    if (state_ == State::kGreeting && now_ns() - greeted_ns_ > kGreetingPatience) state_ = State::kClosed;
    if (state_ != State::kClosed) return;
    if (!connection_.send(encode_hello(last_sequence_ + 1, name_, expect_))) return;
    hello_sequence_ = ++last_sequence_;
    greeted_ns_ = now_ns();
    state_ = State::kGreeting;
}

void Session::sort(const Reply& reply) {
    if (const auto* welcome = std::get_if<Welcome>(&reply)) return handle(*welcome);
    if (const auto* error = std::get_if<ErrorReply>(&reply)) return handle(*error);
    const Sequence sequence = std::holds_alternative<Act>(reply) ? std::get<Act>(reply).sequence
                                                                 : std::get<Engagement>(reply).sequence;
    if (pending_ != 0 && sequence == pending_)
        answer_ = reply;
    else
        ++num_dropped_;  // late: the observation that it answers is old
}

void Session::handle(const Welcome& welcome) {
    if (state_ != State::kGreeting || welcome.sequence != hello_sequence_) {
        ++num_dropped_;
        return;
    }
    if (welcome_ && welcome_->bundle_sha256 != welcome.bundle_sha256)
        throw Failure(kPeerAtFault, "the server has another bundle now: expected " +
                                        welcome_->bundle_sha256.substr(0, 12) + ", found " +
                                        welcome.bundle_sha256.substr(0, 12) + "; start this client anew if that is meant.");
    welcome_ = welcome;
    state_ = State::kOpen;
}

void Session::handle(const ErrorReply& error) {
    const bool to_hello = state_ == State::kGreeting && error.sequence == hello_sequence_;
    const bool to_question = pending_ != 0 && error.sequence == pending_;
    if (error.sequence && !to_hello && !to_question) {
        ++num_dropped_;
        return;
    }
    if (to_question && error.kind == "handshake_required") {
        // A server that does not know this client: it was restarted, or has another bundle.
        state_ = State::kClosed;
        pending_ = 0;
        return;
    }
    if (kFinal.count(error.kind) != 0) throw Failure(kBadInput, "the server refused " + error.sentence());
    if (errors_[error.kind]++ == 0) std::cerr << "cpp-client: the server said " << error.sentence() << std::endl;
    // Later than at the start, a greeting that was refused is repeated when its patience is over.
    if (to_hello && !welcome_) throw Failure(kPeerAtFault, "the server refused " + error.sentence());
    if (to_question) answer_ = error;
}
