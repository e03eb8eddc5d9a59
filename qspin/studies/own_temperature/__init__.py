"""Do samplers without a thermostat sample a model: in equilibrium, and at its own temperature?"""

from qspin.studies.own_temperature.study import OwnTemperature

__all__ = ["OwnTemperature"]
