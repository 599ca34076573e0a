"""What is raised. Evaluations raise nothing."""

from .client.factory import TimeoutException
from .storage.adapters.redis import SentinelConfigurationException

__all__ = ["SentinelConfigurationException", "TimeoutException"]
