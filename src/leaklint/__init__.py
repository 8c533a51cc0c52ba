"""leaklint finds what a warm AWS Lambda never gives back."""

__version__ = "0.1.0"
