"""SMS: texts of up to a few parts, by Twilio or AWS."""
