"""Probes of real libraries: what the catalogue says of them is measured on open descriptors."""
