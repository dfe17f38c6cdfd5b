"""What a configuration must hold to before a run, or a bundle made from it, can have it."""

from __future__ import annotations

import msgspec

from policies.config.method import FqlConfig, IfqlConfig
from policies.config.train import TrainConfig
from vgf_robot.errors import ConfigError

Rule = tuple[bool, str]


def validate(config: TrainConfig) -> TrainConfig:
    """Return the configuration with its method's defaults filled in, or refuse what no run can have.

    Raises:
        ConfigError: A value is out of its range, or two values disagree; names all of them.
    """
    rules = [
        *_task_rules(config),
        *_data_rules(config),
        *_training_rules(config),
        *_critic_rules(config),
        *_method_rules(config),
    ]
    broken = [sentence for holds, sentence in rules if not holds]
    if broken:
        raise ConfigError(f"Configuration '{config.name}' is not usable; expected {'; '.join(broken)}.")
    if config.method == "ifql":
        return msgspec.structs.replace(config, ifql=config.ifql or IfqlConfig())
    if config.method == "fql":
        return msgspec.structs.replace(config, fql=config.fql or FqlConfig())
    return config


def _task_rules(config: TrainConfig) -> list[Rule]:
    task = config.task
    low, high = config.action_limits()
    fields = (*task.observation, *task.action)
    safe, limit = task.safe_action, task.action_rate_limit
    inside = len(safe) == len(low) and all(a <= x <= b for a, x, b in zip(low, safe, high, strict=True))
    return [
        (all(a < b for a, b in zip(low, high, strict=True)), "task.action: low < high in each field"),
        (all(field.size > 0 for field in fields), "task: sizes of 1 or more"),
        (len({field.name for field in fields}) == len(fields), "task: another name for each field"),
        (len(low) > 0 and config.observation_size > 0, "task: observation and action fields"),
        (inside, f"task.safe_action: {len(low)} entries inside the action's limits"),
        (limit is None or (len(limit) == len(low) and min(limit) > 0), f"task.action_rate_limit: {len(low)} positive"),
        (task.control_period_s > 0, "task.control_period_s: positive"),
    ]


def _data_rules(config: TrainConfig) -> list[Rule]:
    data = config.data
    steps = data.max_episode_steps
    return [
        (data.reward_scale > 0, "data.reward_scale: positive"),
        (data.layout == "d4rl" or data.next_observations == "next-row", "data.next_observations: with d4rl only"),
        (data.layout == "d4rl" or steps is None, "data.max_episode_steps: with d4rl only"),
        (data.layout == "minari" or not data.observation_keys, "data.observation_keys: with minari only"),
        (steps is None or steps > 1, "data.max_episode_steps: 2 or more"),
    ]


def _training_rules(config: TrainConfig) -> list[Rule]:
    reference, critic, flow = config.reference, config.critic, config.transport
    sizes = (reference.hidden_sizes, critic.hidden_sizes)
    clips = (reference.gradient_clip, critic.gradient_clip)
    return [
        (config.batch_size > 0 and config.num_threads > 0, "batch_size and num_threads: positive"),
        (config.checkpoint_every > 0 and config.log_every > 0, "checkpoint_every and log_every: positive"),
        (all(hidden and min(hidden) > 0 for hidden in sizes), "hidden_sizes: at least one layer, widths positive"),
        (reference.learning_rate > 0 and critic.learning_rate > 0, "learning_rate: positive"),
        (reference.num_steps > 0, "reference.num_steps: positive"),
        (
            reference.kind == "flow" or reference.num_steps == 1,
            "reference.num_steps: 1 for a gaussian, which takes no Euler steps",
        ),
        (reference.num_updates > 0 and critic.num_updates > 0, "num_updates: positive"),
        (all(clip is None or clip > 0 for clip in clips), "gradient_clip: positive or null"),
        (flow.num_particles > 0 and flow.num_steps >= 0, "transport: num_particles > 0, num_steps >= 0"),
        (flow.alpha > 0 and flow.step_size > 0, "transport: alpha and step_size positive"),
        (flow.max_distance is None or flow.max_distance > 0, "transport.max_distance: positive or null"),
        (
            flow.samples_per_state == 0 or flow.samples_per_state >= flow.num_particles,
            "transport.samples_per_state: 0, or at least num_particles",
        ),
    ]


def _critic_rules(config: TrainConfig) -> list[Rule]:
    critic = config.critic
    kappa = critic.lcb_kappa
    return [
        (critic.ensemble_size > 0, "critic.ensemble_size: positive"),
        (0 <= critic.discount < 1, "critic.discount: in [0, 1)"),
        (0 < critic.polyak_rate <= 1, "critic.polyak_rate: in (0, 1]"),
        (
            (critic.target_aggregation == "lcb") == (kappa is not None),
            "critic.lcb_kappa: with `target_aggregation: lcb` and only there",
        ),
        (kappa is None or kappa >= 0, "critic.lcb_kappa: 0 or more"),
        (
            critic.target_selection == "mean" or config.moves_particles,
            f"critic.target_selection: mean, as {config.method} has one next action",
        ),
    ]


def _method_rules(config: TrainConfig) -> list[Rule]:
    method, ifql, fql = config.method, config.ifql, config.fql
    return [
        (ifql is None or method == "ifql", f"no section `ifql`, as the method is {method}"),
        (fql is None or method == "fql", f"no section `fql`, as the method is {method}"),
        (ifql is None or 0 < ifql.expectile < 1, "ifql.expectile: between 0 and 1"),
        (fql is None or fql.alpha >= 0, "fql.alpha: 0 or more"),
        (method != "fql" or config.reference.kind == "flow", "reference.kind: flow, which fql distils"),
        (
            method != "a-vgf" or config.transport.form == "independent",
            "transport.form: independent, as a-vgf has no kernel",
        ),
    ]
