"""How the world is touched: the gate, the ledger, the channels, and the watch over who enters."""
