// The messages of protocol version 1 (docs/protocol.md) as plain records; msgpack stays inside messages.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

constexpr int kVersion = 1;

using Bytes = std::vector<char>;
using Sequence = std::uint64_t;

struct Field {
    std::string name;
    std::uint64_t size = 0;
    std::string unit;
    std::vector<double> low, high;  // of welcome alone
};

// What this robot is; what is left empty is not compared.
struct Expectations {
    std::vector<Field> observation, action;
    std::string action_kind;
    std::optional<double> control_period_s;
    std::string bundle_sha256;
};

struct Observation {
    Sequence sequence = 0;
    std::uint64_t episode = 0;
    std::uint64_t seed = 0;
    std::vector<float> entries;
    std::int64_t age_us = 0;
    std::int64_t deadline_us = 0;  // after its arrival at the server
};

struct Welcome {
    Sequence sequence = 0;
    std::string bundle, bundle_sha256, action_kind;
    std::vector<Field> observation, action;
    std::optional<std::vector<double>> action_rate_limit;  // per second
    std::vector<double> safe_action;
    double control_period_s = 0;
    bool engagement = false;
};

struct Act {
    Sequence sequence = 0;
    std::uint64_t episode_tick = 0;
    std::vector<float> action;
    std::string status, rung, reason;
    std::uint64_t steps = 0;
    std::int64_t valid_for_us = 0;
    std::int64_t server_ns = 0;
    std::string engagement, engagement_reason;
};

struct Engagement {
    Sequence sequence = 0;
    std::string state, reason;
};

struct ErrorReply {
    std::optional<Sequence> sequence;
    std::string kind, expected, found, advice;

    std::string sentence() const;
};

using Reply = std::variant<Welcome, Act, Engagement, ErrorReply>;

// A reply that does not follow the protocol.
struct BadMessage : std::runtime_error {
    using std::runtime_error::runtime_error;
};

Bytes encode_hello(Sequence sequence, const std::string& name, const Expectations& expect);
Bytes encode_observe(const Observation& observation);
Bytes encode_engage(Sequence sequence);
Bytes encode_bye(Sequence sequence);

// Keys that are not known are ignored: a newer server may say more. Throws BadMessage.
Reply decode(const char* data, std::size_t size);
