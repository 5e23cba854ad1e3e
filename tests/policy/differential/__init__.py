"""Ours against stock Casbin on generated policies: the same canonical request to both, every answer compared."""
