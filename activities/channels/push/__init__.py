"""Push: FCM."""
