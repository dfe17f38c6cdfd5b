// What happened, counted period by period.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <vector>

#include "robot.hpp"
#include "session.hpp"

class Report {
public:
    explicit Report(std::size_t num_periods) { round_trips_ns_.reserve(num_periods); }

    void period(const std::optional<Answer>& answer, const Command& command);
    void skip(std::int64_t num_periods) { skipped_ += static_cast<std::uint64_t>(num_periods); }

    std::uint64_t num_answered() const { return round_trips_ns_.size(); }
    // The share of all periods, skipped ones included, without a fresh action in time.
    double miss_rate() const;
    void print(std::ostream& out, const Session& session) const;

private:
    std::uint64_t periods() const { return asked_ + skipped_; }
    Nanoseconds round_trip_ns(double quantile) const;

    std::uint64_t asked_ = 0, skipped_ = 0, fresh_ = 0, steps_ = 0;
    std::uint64_t held_ = 0, safe_ = 0, standby_ = 0;
    mutable std::vector<Nanoseconds> round_trips_ns_;
};
