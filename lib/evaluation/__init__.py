"""What is told of a model: scores, calibration, tests."""
