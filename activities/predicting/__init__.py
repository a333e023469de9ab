"""Predictions at work (docs/predictions.md): who asks for them, how they are trained and scored, when they are not trusted."""
