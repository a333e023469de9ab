"""Wallets, as passes meet them: Google's API, APNs for news of passes, and the certificates that Apple would give."""
