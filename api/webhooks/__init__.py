"""What customers and providers send back."""
