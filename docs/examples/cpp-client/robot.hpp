// The robot's side: a sensor, and what the robot is sent in every period, answer or not.
#pragma once

#include <optional>
#include <vector>

#include "session.hpp"

// Where the action of a period came from, best first; the same words as vgf_robot.wire.RobotLink.
enum class Source { kAnswer, kHeld, kSafe, kStandby };

struct Command {
    std::optional<std::vector<float>> action;  // nothing: whatever holds the robot goes on holding it
    Source source = Source::kStandby;
};

// Replace this by your robot's sensors. Every entry swings through the range that was seen in training.
class SimulatedSensor {
public:
    explicit SimulatedSensor(const std::vector<Field>& fields);
    std::vector<float> read(double time_s) const;

private:
    std::vector<double> low_, high_;
};

// Decides what the robot is sent: the answer; the last action again while it is valid, where actions are places to go
// to; after that the safe action. The way there and back keeps to the bundle's limit on the rate of change, since a
// server that was restarted does not know where the robot went meanwhile.
class Receiver {
public:
    explicit Receiver(const Welcome& welcome);
    Command step(const std::optional<Answer>& answer, Nanoseconds now_ns);

private:
    Command with(const Answer& answer, Nanoseconds now_ns);
    Command without(Nanoseconds now_ns);
    Command send(std::vector<float> action, Source source, Nanoseconds now_ns);
    std::optional<std::vector<float>> stillness() const;
    std::vector<float> toward(const std::vector<float>& goal, Nanoseconds now_ns) const;

    const bool absolute_;
    const std::vector<float> safe_;
    const std::optional<std::vector<double>> rate_limit_;
    const double period_s_;
    std::optional<std::vector<float>> last_;
    Nanoseconds last_ns_ = 0;
    Nanoseconds valid_until_ns_ = 0;
    bool astray_ = false;  // the robot was sent another action last than the server knows of
};
