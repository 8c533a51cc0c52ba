"""``[tool.leaklint]`` and the options of the command line, made into settings; knows neither rules nor catalogue."""

from leaklint.config.settings import Settings

__all__ = ["Settings"]
