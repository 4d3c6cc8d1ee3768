"""What is made of judges: panels, second looks, labels of people, calibration."""
