"""Planning over scenarios: one decision now, and what follows in each way in which the coming days may turn out."""
