"""The providers of text messages: Twilio and AWS."""
