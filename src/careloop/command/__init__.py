"""What the commands do: wiring of the rooms below for people at a terminal."""
