"""Files that others export, made into data sets of one's own: recognised by their headers, written with a card."""

from energy_gym.data.exports.adding import Added, add
from energy_gym.data.exports.answers import Answers
from energy_gym.data.exports.export import Export, Found
from energy_gym.data.exports.formats import FORMATS, read_export
from energy_gym.data.exports.refreshing import Refreshed, refresh

__all__ = ["FORMATS", "Added", "Answers", "Export", "Found", "Refreshed", "add", "read_export", "refresh"]
