"""How far a run is: bars, and how long it will take."""
