"""A loan underwriting agent with sub-agents, governed: killed in mid-decision, it goes on, and does nothing twice."""
