"""The configuration of a training run: one complete YAML file per named set-up."""

from policies.config.data import DataConfig
from policies.config.learning import CriticConfig, ReferenceConfig, TransportConfig
from policies.config.method import FqlConfig, IfqlConfig, MethodName
from policies.config.rules import validate
from policies.config.task import FieldConfig, TaskConfig
from policies.config.train import TrainConfig, flat

__all__ = [
    "CriticConfig",
    "DataConfig",
    "FieldConfig",
    "FqlConfig",
    "IfqlConfig",
    "MethodName",
    "ReferenceConfig",
    "TaskConfig",
    "TrainConfig",
    "TransportConfig",
    "flat",
    "validate",
]
