"""The transmission charge: what each MWh pays that goes into the network or comes out of it.

One rule: units are settled one by one. What an owner moves from one meter to another leaves the one and enters the
other in the same step, and pays on its way out and on its way in; the energy itself is sold and bought at the meters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from energy_gym.backends import Namespace
from energy_gym.contracts.base import Contract, party_names, register
from energy_gym.contracts.ledger import Exchange, Ledger
from energy_gym.conversions import KWH_PER_MWH
from energy_gym.errors import ConfigurationError
from energy_gym.modelling import Model, positive_part
from energy_gym.trees import number

if TYPE_CHECKING:
    import pandas as pd


class Rates(NamedTuple):
    """The charge's figures, as the laws take them [currency/kWh]."""

    imported: float
    exported: float


@register
@dataclass(frozen=True, slots=True)
class TransmissionCharge(Contract):
    """Charges each MWh that comes in through a meter, and each that goes out, beside what the energy itself costs.

    Between two meters that buy and sell at one price, such as two batteries of an owner on one spot market, a MWh moved
    from the one to the other then costs the sum of both charges, and nothing else.

    Args:
        import_per_mwh: Charge for what comes in [currency/MWh].
        export_per_mwh: Charge for what goes out [currency/MWh].
        parties: Entities behind the meter; empty for all.

    Raises:
        ConfigurationError: A charge below zero or that is no number, or none at all.

    Source:
        By definition of an energy charge for the use of a network (wheeling). EnCortex, section 5.3.2, names a
        transmission penalty among what is optimised.

    Example:
        >>> TransmissionCharge(import_per_mwh=8.0, export_per_mwh=2.0).rates
        Rates(imported=0.008, exported=0.002)
    """

    kind: ClassVar[str] = "transmission_charge"
    settled_by: ClassVar[str] = "meter"
    import_per_mwh: float = 0.0
    export_per_mwh: float = 0.0
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("import_per_mwh", "export_per_mwh"):
            value = number(name, getattr(self, name), "currency/MWh")
            if value < 0.0:
                raise ConfigurationError(f"{name}={value}", "must not be below zero", "charges of both ways count up")
            object.__setattr__(self, name, value)
        if not (self.import_per_mwh or self.export_per_mwh):
            raise ConfigurationError("import_per_mwh=0.0, export_per_mwh=0.0", "charge nothing", "give one, or both")
        object.__setattr__(self, "parties", party_names(self.kind, self.parties))

    @property
    def rates(self) -> Rates:
        """What a kWh is charged on its way in, and on its way out [currency/kWh]."""
        return Rates(self.import_per_mwh / KWH_PER_MWH, self.export_per_mwh / KWH_PER_MWH)

    def ledger(self, times: pd.DatetimeIndex, zone: str, hours: float) -> Ledger:
        """See `Contract.ledger`: nothing is carried from step to step, and nothing is told."""
        return Ledger(settle, constrain, self.rates)


def settle(states: Any, net_kwh: Any, terms: Rates, xp: Namespace, signals: Any) -> tuple[Any, Any]:
    """Return that nothing is carried, and what the step costs.

    Source:
        By definition of the charge.

    Example:
        >>> from energy_gym.backends import scalars
        >>> settle((), -4.0, Rates(0.5, 0.25), scalars, ())
        ((), 1.0)
    """
    coming_in = xp.positive(net_kwh)
    return (), terms.imported * coming_in + terms.exported * (coming_in - net_kwh)


def constrain(model: Model, exchange: Exchange, terms: Rates, start: Any, signals: Any) -> Any:
    """State the same in a solver's model; returns what each step costs."""
    coming_in = positive_part(model, exchange.net_kwh, exchange.import_kwh, exchange.export_kwh, exact=False)
    return terms.imported * coming_in + terms.exported * (coming_in - exchange.net_kwh)
