"""``python -m energy_gym``: the command line."""

from energy_gym.cli import main

if __name__ == "__main__":
    main()
