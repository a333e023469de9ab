"""What a catalogue declares of products: what is learnt to go together, which changes are told, what is bought again."""
