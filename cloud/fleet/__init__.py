"""What is known of each device."""
