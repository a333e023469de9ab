"""What operators do by hand: look at runs, end them, throw the switches."""
