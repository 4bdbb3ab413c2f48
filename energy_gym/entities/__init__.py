"""What stores, makes, uses or carries energy: frozen parameters and the laws they obey."""

from energy_gym.entities.battery import Battery, Cell

__all__ = ["Battery", "Cell"]
