"""NVIDIA's GPUs as their driver's library (NVML) describes them: claims, never proof."""

from lotabots.agent.nvml.driver import Driver

__all__ = ["Driver"]
