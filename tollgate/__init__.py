"""Tollgate: customer accounts, real-time call charging and billing for VoIP carriers.

The rooms of this package and what may import what are described in CONTRIBUTING.md.
"""

__version__ = "0.1.0"
