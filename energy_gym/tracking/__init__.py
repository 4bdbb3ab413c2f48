"""Runs told to a tracker: MLflow or Weights & Biases; its one rule: nothing of either is imported unless asked for."""

from __future__ import annotations

from energy_gym.tracking.protocol import Input, Tracked, Tracker, open_tracker, tracker_ids

__all__ = ["Input", "Tracked", "Tracker", "open_tracker", "tracker_ids"]
