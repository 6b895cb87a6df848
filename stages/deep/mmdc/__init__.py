"""Multi-modal deep clustering (Shiran and Weinshall, ICPR 2020)."""
