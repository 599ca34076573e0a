"""What is raised. Evaluations raise nothing."""

from .client.factory import TimeoutException

__all__ = ["SentinelConfigurationException", "TimeoutException"]


class SentinelConfigurationException(Exception):
    """The sentinels of Redis are not configured as they must be."""
