"""How good the graders are, as figures: wrong code that they reject, right code that they pass."""
