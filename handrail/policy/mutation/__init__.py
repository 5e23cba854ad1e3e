"""How strong the cases of a policy are: every rule is weakened in turn, and some case must fail."""
