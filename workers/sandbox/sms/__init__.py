"""The providers of text messages: Twilio."""
