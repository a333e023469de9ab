"""Where pytest meets the test kit, in a suite that may have packages of its own called like our rooms."""
