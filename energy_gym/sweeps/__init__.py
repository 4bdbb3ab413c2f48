"""What-if studies: one experiment, a grid of its fields, a row of results for each point."""

from energy_gym.sweeps.experiment import Experiment, study_ids
from energy_gym.sweeps.sweep import run_sweep

__all__ = ["Experiment", "run_sweep", "study_ids"]
